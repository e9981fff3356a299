// Opens what a description says, and does for every endpoint what only some can do better.
#include "endpoint.h"

#include "local_endpoint.h"
#include "peer_endpoint.h"
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

Task<Differences> Endpoint::differing(Reactor& reactor, Window ours, Window scratch,
                                      std::vector<Extent> parts, uint64_t granuleBytes) {
  const Extent span{parts.front().start, parts.back().end() - parts.front().start};
  Differences result;
  result.failure = co_await read(reactor, scratch, span);
  if (result.failure) co_return result;
  for (const Extent& part : parts)
    findDifferences(ours, scratch, part, granuleBytes, result.extents);
  co_return result;
}

Task<MaybeFailure> Endpoint::finish(Reactor&) { co_return std::nullopt; }

std::unique_ptr<Endpoint> openEndpoint(EndpointSpec spec, Side side, Endpoint::Access access,
                                       Requests& requests) {
  if (auto* peer = std::get_if<PeerSource>(&spec))
    return std::make_unique<PeerEndpoint>(std::move(*peer), side, requests);
  auto& local = std::get<LocalSource>(spec);
  return std::make_unique<LocalEndpoint>(std::move(local.opened), side, access, requests);
}

std::vector<MaybeFailure> finishEndpoints(Reactor& reactor, const std::vector<Endpoint*>& endpoints,
                                          const JobControl& control) {
  std::vector<MaybeFailure> failures(endpoints.size());
  if (control.abandoned()) return failures;
  const auto finishOne = [&](size_t index) -> Task<> {
    failures[index] = co_await endpoints[index]->finish(reactor);
  };
  std::vector<Task<>> all;
  for (size_t i = 0; i < endpoints.size(); ++i) all.push_back(finishOne(i));
  for (const Task<>& one : all) reactor.finish(one);
  return failures;
}

}  // namespace fastsync
