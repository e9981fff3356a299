// The queue on threads: the fallback that runs everywhere.
#include "thread_queue.h"

#include <algorithm>
#include <system_error>

namespace fastsync {

namespace {
// More threads than this only add switching: each one is a request that the device sees at once.
constexpr unsigned kMostThreads = 16;
}  // namespace

ThreadQueue::ThreadQueue(unsigned depth) {
  const unsigned count = std::min(depth, kMostThreads);
  threads_.reserve(count);
  try {
    while (threads_.size() < count) threads_.emplace_back([this] { work(); });
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
  requestsCame_.notify_all();
}

void ThreadQueue::submit(const IoRequest& request) {
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
  }
  requestsCame_.notify_one();
}

void ThreadQueue::wait(std::vector<IoCompletion>& done, std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  completionsCame_.wait_for(lock, timeout, [this] { return !completions_.empty(); });
  done.insert(done.end(), completions_.begin(), completions_.end());
  completions_.clear();
}

void ThreadQueue::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    requestsCame_.wait(lock, [this] { return closing_ || !requests_.empty(); });
    if (requests_.empty()) return;
    const IoRequest request = requests_.front();
    requests_.pop_front();
    lock.unlock();
    const int64_t result = performBlocking(request);
    lock.lock();
    completions_.push_back({request.tag, result});
    completionsCame_.notify_one();
  }
}

}  // namespace fastsync
