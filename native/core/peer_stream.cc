// The descriptors never block: what would wait is polled together with the disks' requests.
#include "peer_stream.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace fastsync {

namespace {

constexpr std::chrono::seconds kBeat{1};

/// The part of a frame's head that its checksum covers.
constexpr size_t kHeadStartBytes = offsetof(FrameHead, checksum);

std::span<const std::byte> headStart(const FrameHead& head) {
  return std::as_bytes(std::span(&head, 1)).first(kHeadStartBytes);
}

bool isZero(const std::array<uint8_t, 3>& bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t one) { return one == 0; });
}

void neverBlock(const UniqueFd& fd) {
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
}

}  // namespace

PeerStream::PeerStream(PeerLink link) : link_(std::move(link)) {
  neverBlock(link_.input);
  neverBlock(link_.output);
}

void PeerStream::start(Reactor& reactor) {
  reactor_ = &reactor;
  heardAt_ = Clock::now();
  reactor.onTick([this] { tick(); });
}

void PeerStream::fail(int errnum) {
  if (failure_ != 0) return;
  failure_ = errnum;
  reactor_->wakePolls();
}

void PeerStream::resume() {
  paused_ = false;
  heardAt_ = Clock::now();
}

void PeerStream::tick() {
  if (failure_ != 0) return;
  const auto now = Clock::now();
  const bool isSilent = !paused_ && now - heardAt_ > link_.silence;
  const bool takesNothing = mustTake_ && sending_ && now - sentAt_ > link_.silence;
  if (isSilent || takesNothing) {
    fail(ETIMEDOUT);
  } else if (!sending_ && now - sentAt_ >= kBeat) {
    [](PeerStream& stream) -> Detached { co_await stream.beat(); }(*this);
  }
}

Task<> PeerStream::beat() { co_await sendFrame(FrameKind::kHeartbeat, {}); }

Task<int> PeerStream::send(BlockHead head, std::span<const std::byte> data) {
  const std::array payload{std::as_bytes(std::span(&head, 1)), data};
  co_return co_await sendFrame(FrameKind::kBlock, payload);
}

Task<int> PeerStream::sendFrame(FrameKind kind,
                                std::span<const std::span<const std::byte>> payload) {
  FrameHead head;
  std::array<iovec, 3> parts{};
  size_t count = 0;
  const auto add = [&](std::span<const std::byte> part) {
    if (!part.empty()) parts[count++] = {const_cast<std::byte*>(part.data()), part.size()};
  };
  head.kind = static_cast<uint8_t>(kind);
  for (const auto& part : payload) head.payloadBytes += static_cast<uint32_t>(part.size());
  head.checksum = frameChecksum(link_.seed, headStart(head), payload);
  add(std::as_bytes(std::span(&head, 1)));
  for (const auto& part : payload) add(part);

  const uint64_t position = nextPosition_++;
  co_await order_.turn(position);
  sending_ = true;
  sentAt_ = Clock::now();
  iovec* next = parts.data();
  while (failure_ == 0 && count > 0) {
    const ssize_t result = ::writev(link_.output.get(), next, static_cast<int>(count));
    if (result < 0 && errno == EINTR) continue;
    if (result < 0 && errno == EAGAIN) {
      co_await ready(link_.output, POLLOUT);
      continue;
    }
    if (result < 0) {
      fail(ECONNRESET);
      break;
    }
    sentAt_ = Clock::now();
    auto left = static_cast<size_t>(result);
    for (; count > 0 && left >= next->iov_len; ++next, --count) left -= next->iov_len;
    if (count > 0) {
      next->iov_base = static_cast<std::byte*>(next->iov_base) + left;
      next->iov_len -= left;
    }
  }
  sending_ = false;
  const int failure = failure_;
  order_.pass(position + 1);
  co_return failure;
}

Task<int> PeerStream::receive(ReceivedBlock& block) {
  while (failure_ == 0) {
    frame_ = {};
    if (co_await readExactly(std::as_writable_bytes(std::span(&frame_, 1))) != 0) break;
    const bool isBeat = frame_.kind == static_cast<uint8_t>(FrameKind::kHeartbeat);
    const bool isBlock = frame_.kind == static_cast<uint8_t>(FrameKind::kBlock);
    const uint64_t least = isBlock ? sizeof(BlockHead) : 0;
    const uint64_t most = isBlock ? sizeof(BlockHead) + kMostBlockBytes : 0;
    if ((!isBeat && !isBlock) || !isZero(frame_.zero) || frame_.payloadBytes < least ||
        frame_.payloadBytes > most) {
      fail(EPROTO);
      break;
    }
    if (isBeat) {
      if (frameChecksum(link_.seed, headStart(frame_), {}) != frame_.checksum) fail(EBADMSG);
      continue;
    }
    if (co_await readExactly(std::as_writable_bytes(std::span(&block_, 1))) != 0) break;
    block = {block_, frame_.payloadBytes - sizeof(BlockHead)};
    if (!isZero(block_.zero)) fail(EPROTO);
    if (block.dataBytes == 0) co_return co_await receiveData({});
    co_return failure_;
  }
  co_return failure_;
}

Task<int> PeerStream::receiveData(std::span<std::byte> data) {
  if (!data.empty() && co_await readExactly(data) != 0) co_return failure_;
  const std::array<std::span<const std::byte>, 2> payload{std::as_bytes(std::span(&block_, 1)),
                                                          data};
  if (frameChecksum(link_.seed, headStart(frame_), payload) != frame_.checksum) fail(EBADMSG);
  co_return failure_;
}

Task<int> PeerStream::readExactly(std::span<std::byte> into) {
  while (failure_ == 0 && !into.empty()) {
    const ssize_t result = ::read(link_.input.get(), into.data(), into.size());
    if (result < 0 && errno == EINTR) continue;
    if (result < 0 && errno == EAGAIN) {
      co_await ready(link_.input, POLLIN);
      continue;
    }
    if (result <= 0) {
      fail(ECONNRESET);
      break;
    }
    heardAt_ = Clock::now();
    into = into.subspan(static_cast<size_t>(result));
  }
  co_return failure_;
}

/// May come back early: who waits looks again.
Task<> PeerStream::ready(const UniqueFd& fd, int events) {
  if (failure_ == 0)
    co_await reactor_->start({IoKind::kPoll, fd.get(), events, nullptr, 0, 0, nullptr});
}

}  // namespace fastsync
