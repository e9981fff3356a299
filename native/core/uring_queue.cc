// The queue on io_uring. Entries pile up in the submission ring and go to the kernel with the next
// wait, so that one system call both submits and collects.
#include "uring_queue.h"

#include <sys/resource.h>

#include <cerrno>

namespace fastsync {

namespace {

constexpr unsigned kNeededFeatures = IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG;

int openRing(unsigned entries, io_uring& ring, io_uring_params& params) {
  // Completions are then processed by this thread while it waits, not by interrupting it.
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  int result = io_uring_queue_init_params(entries, &ring, &params);
  if (result == -EINVAL) {  // before Linux 6.1
    params = {};
    result = io_uring_queue_init_params(entries, &ring, &params);
  }
  return result;
}

}  // namespace

UringQueue::UringQueue(unsigned depth) {
  io_uring_params params{};
  const int result = openRing(depth, ring_, params);
  if (result < 0) throw SetupError({-result, "io_uring_setup", kSource, 0, 0});
  if ((params.features & kNeededFeatures) != kNeededFeatures) {
    io_uring_queue_exit(&ring_);
    throw SetupError({ENOSYS, "io_uring_setup", kSource, 0, 0});
  }
}

UringQueue::~UringQueue() { io_uring_queue_exit(&ring_); }

void UringQueue::adoptMemory(std::span<std::byte> memory) {
  const iovec whole{memory.data(), memory.size()};
  // Not allowed to lock that much: plain reads and writes do the same, a little slower.
  registered_ = io_uring_register_buffers(&ring_, &whole, 1) == 0;
}

void UringQueue::collect(std::vector<IoCompletion>& done) {
  unsigned head = 0;
  unsigned seen = 0;
  io_uring_cqe* entry = nullptr;
  io_uring_for_each_cqe(&ring_, head, entry) {
    ++seen;
    const auto* request = static_cast<const IoRequest*>(io_uring_cqe_get_data(entry));
    if (request == nullptr) continue;  // a cancel
    if (request->requests != nullptr) ++request->requests->completed;
    if (request->kind == IoKind::kPoll) polls_.erase(request);
    done.push_back({request->tag, entry->res});
  }
  io_uring_cq_advance(&ring_, seen);
}

io_uring_sqe* UringQueue::freeEntry() {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  while (entry == nullptr) {
    // Refused only while completions are piling up.
    if (io_uring_submit(&ring_) < 0) collect(ready_);
    entry = io_uring_get_sqe(&ring_);
  }
  return entry;
}

void UringQueue::prepareTransfer(io_uring_sqe* entry, const IoRequest& request) const {
  const auto length = static_cast<unsigned>(request.length);
  if (request.kind == IoKind::kRead) {
    if (registered_) {
      io_uring_prep_read_fixed(entry, request.fd, request.buffer, length, request.offset, 0);
    } else {
      io_uring_prep_read(entry, request.fd, request.buffer, length, request.offset);
    }
  } else if (registered_) {
    io_uring_prep_write_fixed(entry, request.fd, request.buffer, length, request.offset, 0);
  } else {
    io_uring_prep_write(entry, request.fd, request.buffer, length, request.offset);
  }
}

void UringQueue::submit(const IoRequest& request) {
  if (request.kind == IoKind::kDiscard) {
    ready_.push_back({request.tag, performBlocking(request)});
    return;
  }
  io_uring_sqe* entry = freeEntry();
  if (request.kind == IoKind::kFallocate) {
    io_uring_prep_fallocate(entry, request.fd, request.mode, static_cast<off_t>(request.offset),
                            static_cast<off_t>(request.length));
  } else if (request.kind == IoKind::kSync) {
    io_uring_prep_fsync(entry, request.fd, IORING_FSYNC_DATASYNC);
  } else if (request.kind == IoKind::kPoll) {
    io_uring_prep_poll_add(entry, request.fd, static_cast<unsigned>(request.mode));
    polls_.insert(&request);
  } else {
    prepareTransfer(entry, request);
  }
  if (request.requests != nullptr) ++request.requests->submitted;
  io_uring_sqe_set_data(entry, const_cast<IoRequest*>(&request));
}

void UringQueue::wakePolls() {
  for (const IoRequest* poll : std::vector(polls_.begin(), polls_.end())) {
    io_uring_sqe* entry = freeEntry();
    io_uring_prep_cancel(entry, const_cast<IoRequest*>(poll), 0);
    io_uring_sqe_set_data(entry, nullptr);
  }
}

void UringQueue::wait(std::vector<IoCompletion>& done, std::chrono::milliseconds timeout) {
  const bool someReady = !ready_.empty();
  done.insert(done.end(), ready_.begin(), ready_.end());
  ready_.clear();

  __kernel_timespec limit{};
  if (!someReady) {
    limit.tv_sec = timeout.count() / 1000;
    limit.tv_nsec = (timeout.count() % 1000) * 1'000'000;
  }
  io_uring_cqe* first = nullptr;
  // Its errors (a signal, the timeout, a full ring) all mean: take what is there and come again.
  io_uring_submit_and_wait_timeout(&ring_, &first, 1, &limit, nullptr);
  collect(done);
}

}  // namespace fastsync
