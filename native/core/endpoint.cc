// Opens what a description says, and does for every endpoint what only some can do better.
#include "endpoint.h"

#include "local_endpoint.h"
#include "scan.h"

namespace fastsync {

Task<PartsDigest> Endpoint::digest(Reactor& reactor, Window scratch, std::vector<Extent> parts) {
  const Extent span{parts.front().start, parts.back().end() - parts.front().start};
  PartsDigest result;
  result.failure = co_await read(reactor, scratch, span);
  // The bad sector may lie in a gap, which nobody asked for.
  if (result.failure && parts.size() > 1) {
    result.failure.reset();
    for (const Extent& part : parts) {
      if (!result.failure) result.failure = co_await read(reactor, scratch, part);
    }
  }
  if (!result.failure) result.digest = digestOfParts(scratch, parts);
  co_return result;
}

std::unique_ptr<Endpoint> openEndpoint(EndpointSpec spec, Side side, Endpoint::Access access,
                                       Requests& requests) {
  auto& local = std::get<LocalSource>(spec);
  return std::make_unique<LocalEndpoint>(std::move(local.opened), side, access, requests);
}

}  // namespace fastsync
