// The queue on threads: the fallback that runs everywhere.
#include "thread_queue.h"

#include <algorithm>
#include <system_error>

namespace fastsync {

namespace {
// More threads than this only add switching: each one is a request that the device sees at once.
constexpr unsigned kMostThreads = 16;
// Two for each of a few peers: one waits to read, one to write.
constexpr size_t kMostPollers = 8;
}  // namespace

ThreadQueue::ThreadQueue(unsigned depth) {
  const unsigned count = std::min(depth, kMostThreads);
  threads_.reserve(count);
  try {
    while (threads_.size() < count) threads_.emplace_back([this] { work(requests_); });
  } catch (const std::system_error& error) {
    // No more threads are allowed: fewer do as well, but one there must be.
    if (threads_.empty()) throw SetupError({error.code().value(), "pthread_create", kSource, 0, 0});
  }
}

ThreadQueue::~ThreadQueue() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  requests_.came.notify_all();
  polls_.came.notify_all();
}

void ThreadQueue::submit(const IoRequest& request) {
  const bool isPoll = request.kind == IoKind::kPoll;
  if (isPoll && pollers_.size() < kMostPollers) startPoller();
  Line& line = isPoll && !pollers_.empty() ? polls_ : requests_;
  {
    const std::lock_guard lock(mutex_);
    line.requests.push_back(request);
  }
  line.came.notify_one();
}

/// Without one, polls take their turn with the rest.
void ThreadQueue::startPoller() {
  try {
    pollers_.emplace_back([this] { work(polls_); });
  } catch (const std::system_error&) {
    // No more threads are allowed.
  }
}

void ThreadQueue::wait(std::vector<IoCompletion>& done, std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  completionsCame_.wait_for(lock, timeout, [this] { return !completions_.empty(); });
  done.insert(done.end(), completions_.begin(), completions_.end());
  completions_.clear();
}

void ThreadQueue::work(Line& line) {
  std::unique_lock lock(mutex_);
  while (true) {
    line.came.wait(lock, [&] { return closing_ || !line.requests.empty(); });
    if (line.requests.empty()) return;
    const IoRequest request = line.requests.front();
    line.requests.pop_front();
    lock.unlock();
    const int64_t result = performBlocking(request);
    lock.lock();
    completions_.push_back({request.tag, result});
    completionsCame_.notify_one();
  }
}

}  // namespace fastsync
