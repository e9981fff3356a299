// Chooses the queue, and holds the plain system calls that stand behind each kind of request.
#include "io_queue.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "thread_queue.h"
#include "uring_queue.h"

namespace fastsync {

namespace {

constexpr int kBriefPollMs = 100;

int64_t resultOf(ssize_t returned) { return returned < 0 ? -errno : returned; }

int64_t discard(const IoRequest& request) {
  uint64_t range[2] = {request.offset, request.length};
  return resultOf(::ioctl(request.fd, BLKDISCARD, range));
}

int64_t pollBriefly(const IoRequest& request) {
  pollfd one{request.fd, static_cast<short>(request.mode), 0};
  return resultOf(::poll(&one, 1, kBriefPollMs));
}

class InlineQueue final : public IoQueue {
 public:
  const char* name() const override { return "inline"; }
  void adoptMemory(std::span<std::byte>) override {}
  void submit(const IoRequest& request) override {
    ready_.push_back({request.tag, performBlocking(request)});
  }
  void wait(std::vector<IoCompletion>& done, std::chrono::milliseconds) override {
    done.insert(done.end(), ready_.begin(), ready_.end());
    ready_.clear();
  }
  void wakePolls() override {}

 private:
  std::vector<IoCompletion> ready_;
};

}  // namespace

std::unique_ptr<IoQueue> openInlineQueue() { return std::make_unique<InlineQueue>(); }

int64_t performBlocking(const IoRequest& request) {
  if (request.kind == IoKind::kPoll) return pollBriefly(request);
  const CallInFlight inFlight(*request.requests);
  const auto offset = static_cast<off_t>(request.offset);
  switch (request.kind) {
    case IoKind::kRead:
      return resultOf(::pread(request.fd, request.buffer, request.length, offset));
    case IoKind::kWrite:
      return resultOf(::pwrite(request.fd, request.buffer, request.length, offset));
    case IoKind::kFallocate:
      return resultOf(
          ::fallocate(request.fd, request.mode, offset, static_cast<off_t>(request.length)));
    case IoKind::kSync:
      return resultOf(::fdatasync(request.fd));
    case IoKind::kDiscard:
      return discard(request);
    case IoKind::kPoll:
      break;
  }
  return -EINVAL;
}

std::unique_ptr<IoQueue> openQueue(Backend backend, unsigned depth) {
  if (backend == Backend::kThreads) return std::make_unique<ThreadQueue>(depth);
  try {
    return std::make_unique<UringQueue>(depth);
  } catch (const SetupError&) {
    // Forbidden by seccomp or sysctl, compiled out, or no memory may be locked: threads always
    // work.
    if (backend == Backend::kUring) throw;
    return std::make_unique<ThreadQueue>(depth);
  }
}

}  // namespace fastsync
