#include "peer_endpoint.h"

#include <algorithm>
#include <cerrno>

#include "scan.h"

namespace fastsync {

namespace {

/// What a difference is narrowed down to, unless the job needs it coarser: finer digests cost more
/// on the wire than they save.
constexpr uint64_t kDigestedBytes = 32 * kKiB;

constexpr uint32_t kMostErrnum = 4095;

std::span<const std::byte> bytesOf(const std::vector<Extent>& extents) {
  return std::as_bytes(std::span(extents));
}

uint64_t answerBytes(const BlockHead& asked, uint64_t wanted) {
  return asked.op == BlockOp::kRead || asked.op == BlockOp::kDigest || asked.op == BlockOp::kDigests
             ? wanted
             : 0;
}

/// Runs `operation` on the pieces of `extent` that fit a block, until one fails.
template <class Operation>
Task<MaybeFailure> eachBlock(Extent extent, Operation operation) {
  MaybeFailure failure;
  while (!failure && extent.length > 0) {
    const Extent piece{extent.start, std::min(extent.length, kMostBlockBytes)};
    failure = co_await operation(piece);
    extent = {piece.end(), extent.length - piece.length};
  }
  co_return failure;
}

/// Cuts parts on multiples of `unitBytes`.
std::vector<Extent> cut(const std::vector<Extent>& parts, uint64_t unitBytes) {
  std::vector<Extent> pieces;
  for (const Extent& part : parts) {
    for (uint64_t start = part.start; start < part.end();) {
      const uint64_t end = std::min(roundDown(start, unitBytes) + unitBytes, part.end());
      pieces.push_back({start, end - start});
      start = end;
    }
  }
  return pieces;
}

}  // namespace

PeerEndpoint::PeerEndpoint(PeerSource source, Side side, Requests& requests)
    : Endpoint(side), requests_(&requests), stream_(std::move(source.link)) {
  setLimits({.granularityBytes = source.granularityBytes,
             .retryBytes = source.granularityBytes,
             .direct = true,
             .makesHoles = true});
}

Task<MaybeFailure> PeerEndpoint::read(Reactor& reactor, Window window, Extent extent) {
  co_return co_await eachBlock(extent, [&](Extent piece) {
    return ask(reactor, {.op = BlockOp::kRead, .offset = piece.start, .length = piece.length}, {},
               {window.at(piece.start), piece.length}, "read");
  });
}

Task<MaybeFailure> PeerEndpoint::write(Reactor& reactor, Window window, Extent extent) {
  co_return co_await eachBlock(extent, [&](Extent piece) {
    return ask(reactor, {.op = BlockOp::kWrite, .offset = piece.start, .length = piece.length},
               {window.at(piece.start), piece.length}, {}, "write");
  });
}

Task<MaybeFailure> PeerEndpoint::zero(Reactor& reactor, Extent extent) {
  co_return co_await ask(reactor,
                         {.op = BlockOp::kZero, .offset = extent.start, .length = extent.length},
                         {}, {}, "fallocate");
}

Task<MaybeFailure> PeerEndpoint::discard(Reactor& reactor, Extent extent) {
  co_return co_await ask(reactor,
                         {.op = BlockOp::kDiscard, .offset = extent.start, .length = extent.length},
                         {}, {}, "discard");
}

Task<MaybeFailure> PeerEndpoint::flush(Reactor& reactor) {
  co_return co_await ask(reactor, {.op = BlockOp::kFlush}, {}, {}, "fdatasync");
}

Task<MaybeFailure> PeerEndpoint::digests(Reactor& reactor, const std::vector<Extent>& extents,
                                         BlockOp op, std::span<Digest> result) {
  const Extent span{extents.front().start, extents.back().end() - extents.front().start};
  co_return co_await ask(reactor, {.op = op, .offset = span.start, .length = span.length},
                         bytesOf(extents), std::as_writable_bytes(result), "read");
}

Task<PartsDigest> PeerEndpoint::digest(Reactor& reactor, Window, std::vector<Extent> parts) {
  PartsDigest result;
  if (parts.size() <= kMostDigestedExtents) {
    result.failure = co_await digests(reactor, parts, BlockOp::kDigest, {&result.digest, 1});
    co_return result;
  }
  std::vector<Digest> each(parts.size());
  result.failure = co_await digestEach(reactor, parts, each);
  result.digest = digestOfDigests(each);
  co_return result;
}

Task<MaybeFailure> PeerEndpoint::digestEach(Reactor& reactor, const std::vector<Extent>& extents,
                                            std::span<Digest> result) {
  MaybeFailure failure;
  for (size_t at = 0; at < extents.size() && !failure; at += kMostDigestedExtents) {
    const auto first = extents.begin() + static_cast<ptrdiff_t>(at);
    const auto count = std::min(kMostDigestedExtents, extents.size() - at);
    const std::vector<Extent> slice(first, first + static_cast<ptrdiff_t>(count));
    failure = co_await digests(reactor, slice, BlockOp::kDigests, result.subspan(at, count));
  }
  co_return failure;
}

// Two questions where something differs, and one where nothing does.
Task<Differences> PeerEndpoint::differing(Reactor& reactor, Window ours, Window,
                                          std::vector<Extent> parts, uint64_t granuleBytes) {
  Differences result;
  const PartsDigest whole = co_await digest(reactor, {}, parts);
  result.failure = whole.failure;
  if (result.failure || whole.digest == digestOfParts(ours, parts)) co_return result;
  const std::vector<Extent> pieces = cut(parts, std::max(granuleBytes, kDigestedBytes));
  std::vector<Digest> theirs(pieces.size());
  result.failure = co_await digestEach(reactor, pieces, theirs);
  if (result.failure) co_return result;
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (theirs[i] != digestOf(ours.at(pieces[i].start), pieces[i].length))
      appendJoined(result.extents, pieces[i]);
  }
  co_return result;
}

Task<MaybeFailure> PeerEndpoint::finish(Reactor& reactor) {
  if (finished_) co_return std::nullopt;
  finished_ = true;
  co_return co_await ask(reactor, {.op = BlockOp::kEnd}, {}, {}, "link");
}

Task<MaybeFailure> PeerEndpoint::ask(Reactor& reactor, BlockHead head,
                                     std::span<const std::byte> data, std::span<std::byte> into,
                                     const char* operation) {
  if (!listening_) {
    stream_.start(reactor);
    listening_.emplace(listen());
  }
  const CallInFlight inFlight(*requests_);
  head.tag = ++lastTag_;
  Question question{.asked = head, .into = into, .waiter = {}, .answer = {}};
  unanswered_.emplace(head.tag, &question);
  co_await stream_.send(head, data);

  struct Arrival {
    Question& question;
    bool await_ready() const noexcept { return question.answered; }
    void await_suspend(std::coroutine_handle<> waiter) { question.waiter = waiter; }
    void await_resume() const noexcept {}
  };
  // Once the stream has failed nobody listens any more.
  if (stream_.failure() == 0) co_await Arrival{question};
  unanswered_.erase(head.tag);
  if (!question.answered || question.answer.op != BlockOp::kAnswer)
    co_return IoFailure{stream_.failure(), "link", side(), head.offset, head.length};
  if (question.answer.errnum == 0) co_return std::nullopt;
  co_return IoFailure{static_cast<int>(question.answer.errnum), operation, side(),
                      question.answer.offset, question.answer.length};
}

bool PeerEndpoint::isAnswer(const ReceivedBlock& block, const Question& question) const {
  const BlockHead& head = block.head;
  const BlockHead& asked = question.asked;
  const uint64_t expected = head.errnum == 0 ? answerBytes(asked, question.into.size()) : 0;
  const bool isWithin = head.offset >= asked.offset && head.length <= asked.length &&
                        head.offset - asked.offset <= asked.length - head.length;
  return head.op == BlockOp::kAnswer && head.errnum <= kMostErrnum && isWithin &&
         block.dataBytes == expected && !question.answered;
}

Task<> PeerEndpoint::listen() {
  bool isLast = false;
  while (!isLast) {
    ReceivedBlock block;
    if (co_await stream_.receive(block) != 0) break;
    const auto found = unanswered_.find(block.head.tag);
    if (found == unanswered_.end() || !isAnswer(block, *found->second)) {
      stream_.fail(EPROTO);
      break;
    }
    Question& question = *found->second;
    if (block.dataBytes > 0 && co_await stream_.receiveData(question.into) != 0) break;
    question.answer = block.head;
    isLast = question.asked.op == BlockOp::kEnd;
    resume(question);
  }
  if (isLast) co_return;
  // Resuming one may end others.
  while (!unanswered_.empty()) {
    Question& question = *unanswered_.begin()->second;
    unanswered_.erase(unanswered_.begin());
    question.answer.op = BlockOp::kEnd;
    resume(question);
  }
}

void PeerEndpoint::resume(Question& question) {
  question.answered = true;
  if (question.waiter) std::exchange(question.waiter, {}).resume();
}

}  // namespace fastsync
