// The names here are those of src/engine/types.ts.
#include "from_js.h"

#include <fcntl.h>

#include <cerrno>
#include <string>

#include "system_error.h"

namespace fastsync {

namespace {

uint64_t bytesOf(const Napi::Object& request, const char* name) {
  return static_cast<uint64_t>(request.Get(name).As<Napi::Number>().DoubleValue());
}

bool flagOf(const Napi::Object& request, const char* name) {
  return request.Get(name).As<Napi::Boolean>().Value();
}

std::vector<Extent> extentsOf(const Napi::Object& request) {
  const auto list = request.Get("extents").As<Napi::Float64Array>();
  std::vector<Extent> extents;
  extents.reserve(list.ElementLength() / 2);
  const double* numbers = list.Data();
  for (size_t i = 0; i + 1 < list.ElementLength(); i += 2)
    extents.push_back({static_cast<uint64_t>(numbers[i]), static_cast<uint64_t>(numbers[i + 1])});
  return extents;
}

IoOptions ioOptionsOf(const Napi::Object& request) {
  const std::string backend = request.Get("backend").As<Napi::String>();
  IoOptions options;
  options.backend = backend == "uring"     ? Backend::kUring
                    : backend == "threads" ? Backend::kThreads
                                           : Backend::kAuto;
  options.chunkBytes = bytesOf(request, "chunkBytes");
  options.queueDepth = static_cast<unsigned>(bytesOf(request, "queueDepth"));
  options.inFlightBytes = bytesOf(request, "inFlightBytes");
  options.bytesPerSecond = bytesOf(request, "bytesPerSecond");
  return options;
}

PeerLink peerLinkFrom(const Napi::Object& object) {
  bool isLossless = false;
  return {duplicateFd(object.Get("inputFd")), duplicateFd(object.Get("outputFd")),
          object.Get("seed").As<Napi::BigInt>().Uint64Value(&isLossless),
          std::chrono::milliseconds(bytesOf(object, "silenceMs"))};
}

/// An EndpointDescription of src/engine/endpoint.ts.
EndpointSpec endpointFrom(const Napi::Value& description) {
  const auto object = description.As<Napi::Object>();
  const std::string kind = object.Get("kind").As<Napi::String>();
  if (kind == "descriptor") return LocalSource{duplicateFd(object.Get("fd"))};
  if (kind == "peer") return PeerSource{peerLinkFrom(object), bytesOf(object, "granularityBytes")};
  throw Napi::TypeError::New(description.Env(), "unknown kind of endpoint: " + kind);
}

}  // namespace

UniqueFd duplicateFd(const Napi::Value& fd) {
  UniqueFd copy(::fcntl(fd.As<Napi::Number>().Int32Value(), F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) throwSystemError(fd.Env(), errno, "dup");
  return copy;
}

CopySpec copySpecFrom(const Napi::Object& request) {
  CopySpec spec;
  spec.source = endpointFrom(request.Get("source"));
  const auto targets = request.Get("targets").As<Napi::Array>();
  for (uint32_t i = 0; i < targets.Length(); ++i)
    spec.targets.push_back(endpointFrom(targets.Get(i)));
  spec.extents = extentsOf(request);
  spec.startAtBytes = bytesOf(request, "startAtBytes");
  spec.compare = flagOf(request, "compare");
  spec.verify = flagOf(request, "verify");
  spec.rescue = flagOf(request, "rescue");
  spec.targetsAreZero = flagOf(request, "targetsAreZero");
  spec.flushEvery = std::chrono::milliseconds(bytesOf(request, "flushEveryMs"));
  spec.options = ioOptionsOf(request);
  return spec;
}

CompareSpec compareSpecFrom(const Napi::Object& request) {
  CompareSpec spec;
  spec.left = endpointFrom(request.Get("left"));
  spec.right = endpointFrom(request.Get("right"));
  spec.extents = extentsOf(request);
  spec.startAtBytes = bytesOf(request, "startAtBytes");
  spec.granularityBytes = bytesOf(request, "granularityBytes");
  spec.options = ioOptionsOf(request);
  return spec;
}

ClearSpec clearSpecFrom(const Napi::Object& request) {
  const std::string mode = request.Get("mode").As<Napi::String>();
  ClearSpec spec;
  spec.target = endpointFrom(request.Get("target"));
  spec.extents = extentsOf(request);
  spec.mode = mode == "discard" ? ClearMode::kDiscard : ClearMode::kZero;
  spec.options = ioOptionsOf(request);
  return spec;
}

DigestSpec digestSpecFrom(const Napi::Object& request) {
  const std::string algorithm = request.Get("algorithm").As<Napi::String>();
  DigestSpec spec;
  spec.volume = endpointFrom(request.Get("source"));
  spec.extents = extentsOf(request);
  spec.cellBytes = bytesOf(request, "cellBytes");
  spec.algorithm = algorithm == "sha256"  ? Algorithm::kSha256
                   : algorithm == "xxh64" ? Algorithm::kXxh64
                                          : Algorithm::kXxh3;
  spec.options = ioOptionsOf(request);
  return spec;
}

ServeSpec serveSpecFrom(const Napi::Object& request) {
  ServeSpec spec;
  spec.volume = endpointFrom(request.Get("volume"));
  spec.sizeBytes = bytesOf(request, "sizeBytes");
  spec.link = peerLinkFrom(request.Get("link").As<Napi::Object>());
  spec.options = ioOptionsOf(request);
  return spec;
}

}  // namespace fastsync
