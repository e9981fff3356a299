// What goes around the page cache. Each call runs on a thread of Node's pool.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <span>

#include "device.h"
#include "from_js.h"
#include "local_endpoint.h"
#include "reactor.h"
#include "to_js.h"

namespace fastsync {

namespace {

/// Work on one descriptor whose promise resolves with its result, or with a failure object.
class DeviceWorker : public Napi::AsyncWorker {
 public:
  DeviceWorker(Napi::Env env, UniqueFd fd)
      : Napi::AsyncWorker(env), fd_(std::move(fd)), deferred_(Napi::Promise::Deferred::New(env)) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  virtual MaybeFailure perform() = 0;
  virtual Napi::Value result() = 0;
  int fd() const { return fd_.get(); }
  UniqueFd takeFd() { return std::move(fd_); }

 private:
  void Execute() override {
    try {
      failure_ = perform();
    } catch (const SetupError& error) {
      failure_ = error.failure();
    }
  }
  void OnOK() override { deferred_.Resolve(failure_ ? failureToJs(Env(), failure_) : result()); }
  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

  UniqueFd fd_;
  Napi::Promise::Deferred deferred_;
  MaybeFailure failure_;
};

class ReadPast final : public DeviceWorker {
 public:
  ReadPast(Napi::Env env, UniqueFd fd, Extent extent)
      : DeviceWorker(env, std::move(fd)), extent_(extent) {}

 private:
  MaybeFailure perform() override {
    Requests requests;
    LocalEndpoint endpoint(takeFd(), kSource, Endpoint::Access::kRead, requests);
    const uint64_t unit = endpoint.limits().granularityBytes;
    const uint64_t start = roundDown(extent_.start, unit);
    const uint64_t bytes = roundUp(extent_.end(), unit) - start;
    memory_.reset(static_cast<std::byte*>(std::aligned_alloc(unit, bytes)));
    if (!memory_) return IoFailure{ENOMEM, "aligned_alloc", kSource, extent_.start, bytes};
    window_ = {memory_.get(), start};
    if (!endpoint.limits().direct) endpoint.dropCache({start, bytes});

    Reactor reactor(openInlineQueue());
    MaybeFailure failure;
    const auto read = [&]() -> Task<> {
      failure = co_await endpoint.read(reactor, window_, extent_);
    };
    reactor.finish(read());
    return failure;
  }

  Napi::Value result() override {
    const std::byte* data = window_.at(extent_.start);
    return Napi::Buffer<uint8_t>::Copy(Env(), reinterpret_cast<const uint8_t*>(data),
                                       extent_.length);
  }

  Extent extent_;
  std::unique_ptr<std::byte, void (*)(void*)> memory_{nullptr, std::free};
  Window window_;
};

/// Where data begins at or behind a place, -1 where none does. Network file systems ask their
/// servers.
class NextData final : public DeviceWorker {
 public:
  NextData(Napi::Env env, UniqueFd fd, off_t from)
      : DeviceWorker(env, std::move(fd)), from_(from) {}

 private:
  MaybeFailure perform() override {
    found_ = ::lseek(fd(), from_, SEEK_DATA);
    if (found_ >= 0 || errno == ENXIO) return std::nullopt;
    if (errno != EINVAL && errno != EOPNOTSUPP)
      return IoFailure{errno, "lseek", kSource, static_cast<uint64_t>(from_), 0};
    // A file system that keeps no account of its holes: everything may be data.
    found_ = from_;
    return std::nullopt;
  }
  Napi::Value result() override { return Napi::Number::New(Env(), static_cast<double>(found_)); }

  off_t from_;
  off_t found_ = -1;
};

template <class Worker>
Napi::Value queued(std::unique_ptr<Worker> worker) {
  const Napi::Promise promise = worker->promise();
  worker.release()->Queue();  // which deletes it when it is done
  return promise;
}

}  // namespace

Napi::Value readPast(const Napi::CallbackInfo& info) {
  const auto bytes = [&](size_t index) {
    return static_cast<uint64_t>(info[index].As<Napi::Number>().DoubleValue());
  };
  return queued(
      std::make_unique<ReadPast>(info.Env(), duplicateFd(info[0]), Extent{bytes(1), bytes(2)}));
}

Napi::Value nextData(const Napi::CallbackInfo& info) {
  const off_t from = info[1].As<Napi::Number>().Int64Value();
  return queued(std::make_unique<NextData>(info.Env(), duplicateFd(info[0]), from));
}

}  // namespace fastsync
