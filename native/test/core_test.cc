// Runs every kind of job on both queues over temporary files, without Node: a program for the
// sanitizers to watch. What comes out is compared with what plain memory says.
//   core_test DIRECTORY [SEED]
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "clear_job.h"
#include "compare_job.h"
#include "copy_job.h"
#include "digest_job.h"
#include "dirty_bitmap_test.h"
#include "peer_server.h"

namespace {

using namespace fastsync;
using Bytes = std::vector<unsigned char>;

constexpr uint64_t kSizeBytes = 6 * kMiB + 777;
constexpr size_t kMostTargets = 2;

int failures = 0;

void check(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "FAILED: %s\n", what.c_str());
  ++failures;
}

class Files {
 public:
  explicit Files(std::string directory) : directory_(std::move(directory)) {}

  UniqueFd create(const std::string& name, const Bytes& content) {
    UniqueFd fd(::open((directory_ + "/" + name).c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600));
    const ssize_t written = ::pwrite(fd.get(), content.data(), content.size(), 0);
    if (written != static_cast<ssize_t>(content.size())) std::abort();
    return fd;
  }

 private:
  std::string directory_;
};

Bytes contentOf(const UniqueFd& fd) {
  Bytes content(kSizeBytes);
  const ssize_t got = ::pread(fd.get(), content.data(), content.size(), 0);
  check(got == static_cast<ssize_t>(content.size()), "file has kept its size");
  return content;
}

LocalSource again(const UniqueFd& fd) { return {UniqueFd(::dup(fd.get()))}; }

/// Serves a file of this host to a job, as an agent does from another.
class Agent {
 public:
  Agent(LocalSource file, IoOptions options) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) std::abort();
    driver_ = UniqueFd(ends[0]);
    ServeSpec spec;
    spec.volume = std::move(file);
    spec.sizeBytes = kSizeBytes;
    spec.options = options;
    spec.link = linkOver(UniqueFd(ends[1]));
    thread_ = std::jthread([this, spec = std::make_shared<ServeSpec>(std::move(spec))] {
      const JobOutcome outcome = PeerServer(std::move(*spec), control_).run();
      check(!outcome.failure, "an agent ends when it is asked to");
    });
  }

  PeerSource source() { return {linkOver(std::move(driver_)), 4 * kKiB}; }

 private:
  static PeerLink linkOver(UniqueFd socket) {
    UniqueFd again(::dup(socket.get()));
    return {std::move(again), std::move(socket), 42, std::chrono::seconds(60)};
  }

  UniqueFd driver_;
  JobControl control_{1};
  std::jthread thread_;
};

class Scene {
 public:
  Scene(Files& files, uint32_t seed) : files_(files), random_(seed) {}

  Bytes noise() {
    Bytes bytes(kSizeBytes);
    for (size_t i = 0; i < bytes.size(); ++i) {
      // A quarter of it is zero, in long pieces.
      bytes[i] = (i >> 18) % 4 == 3 ? 0 : static_cast<unsigned char>(random_());
    }
    return bytes;
  }

  /// Sometimes more in a chunk than one request to an agent can list.
  std::vector<Extent> extents() {
    if (random_() % 4 == 0) {
      std::vector<Extent> dense;
      for (uint64_t at = random_() % 512; at + 512 < kSizeBytes; at += 512)
        dense.push_back({at, 300});
      return dense;
    }
    std::vector<uint64_t> cuts(60);
    const uint64_t unit = pick<uint64_t>({1, 512, 4096});
    for (uint64_t& cut : cuts) cut = random_() % (kSizeBytes / unit) * unit;
    std::sort(cuts.begin(), cuts.end());
    std::vector<Extent> list;
    for (size_t i = 0; i + 1 < cuts.size(); i += 2)
      list.push_back({cuts[i], cuts[i + 1] - cuts[i]});
    return list;
  }

  IoOptions options(Backend backend) {
    IoOptions options;
    options.backend = backend;
    options.chunkBytes = pick<uint64_t>({4 * kKiB, 64 * kKiB, kMiB, 4 * kMiB});
    options.queueDepth = pick<unsigned>({1, 4, 64});
    options.inFlightBytes = pick<uint64_t>({kMiB, 8 * kMiB});
    return options;
  }

  void copies(Backend backend, bool cancelled) {
    const Bytes source = noise();
    Bytes expected = noise();
    const Bytes before = expected;
    const UniqueFd from = files_.create("source", source);
    const UniqueFd to = files_.create("target", expected);
    const UniqueFd other = files_.create("other", expected);

    CopySpec spec;
    spec.source = again(from);
    spec.targets.push_back(again(to));
    spec.targets.push_back(perhapsFar(other, backend));
    spec.extents = extents();
    spec.compare = random_() % 2 == 0;
    spec.verify = random_() % 2 == 0;
    spec.flushEvery = std::chrono::milliseconds(pick<int>({50, 5000}));
    spec.options = options(backend);
    if (spec.extents.size() > kMostDigestedExtents) {
      spec.options.chunkBytes = 4 * kMiB;
      spec.options.inFlightBytes = 8 * kMiB;
    }
    const std::vector<Extent> list = spec.extents;

    const JobControl& control = runWatched<CopyJob>(std::move(spec), cancelled);
    uint64_t left = control.counters.durable;
    check(cancelled || left == control.counters.total, "a copy is durable at its end");
    for (const Extent& extent : list) {
      const uint64_t length = std::min(left, extent.length);
      std::copy_n(source.begin() + static_cast<long>(extent.start), length,
                  expected.begin() + static_cast<long>(extent.start));
      left -= length;
    }
    // Chunks behind the durable prefix may be there too, but nothing beside the extents.
    for (const UniqueFd* target : {&to, &other}) {
      const Bytes got = contentOf(*target);
      if (!cancelled) {
        check(got == expected, "target is what was copied");
      } else {
        const Bytes& mine = expected;
        for (size_t i = 0; i < got.size(); ++i) {
          const bool explained = got[i] == mine[i] || (got[i] == source[i] && mine[i] == before[i]);
          if (explained) continue;
          check(false, "a byte of a cancelled copy is neither old nor new");
          break;
        }
      }
    }
  }

  void comparisons(Backend backend) {
    const Bytes left = noise();
    Bytes right = left;
    std::vector<uint64_t> changed;
    for (int i = 0; i < 40; ++i) {
      const uint64_t at = random_() % kSizeBytes;
      right[at] = static_cast<unsigned char>(right[at] + 1);
      if (right[at] != left[at]) changed.push_back(at);
    }
    CompareSpec spec;
    spec.left = LocalSource{files_.create("left", left)};
    spec.right = perhapsFar(files_.create("right", right), backend);
    spec.extents = {{0, kSizeBytes}};
    spec.options = options(backend);
    runWatched<CompareJob>(std::move(spec), false);
    uint64_t found = 0;
    for (const Extent& range : outcome_.differentRanges) found += range.length;
    check(found == control_.counters.different, "differences are counted");
    for (const uint64_t at : changed) {
      const bool listed =
          std::any_of(outcome_.differentRanges.begin(), outcome_.differentRanges.end(),
                      [at](const Extent& range) { return at >= range.start && at < range.end(); });
      check(listed || left[at] == right[at], "a difference is listed");
    }
  }

  /// A job of one cell after the other in plain memory gives the same digests.
  void digests(Backend backend, Algorithm algorithm, bool cancelled) {
    const Bytes content = noise();
    DigestSpec spec;
    spec.volume = LocalSource{files_.create("digested", content)};
    spec.extents = extents();
    spec.cellBytes = pick<uint64_t>({64 * kKiB, kMiB, 16 * kMiB});
    spec.algorithm = algorithm;
    spec.options = options(backend);
    const std::vector<Extent> list = spec.extents;
    const uint64_t cellBytes = spec.cellBytes;
    runWatched<DigestJob>(std::move(spec), cancelled);

    std::map<uint64_t, Bytes> cells;
    for (const Extent& extent : list) {
      for (uint64_t at = extent.start; at < extent.end(); ++at)
        cells[at / cellBytes].push_back(content[at]);
    }
    std::vector<uint64_t> expectedCells;
    Bytes expected;
    const auto hasher = makeHasher(algorithm);
    for (const auto& [cell, bytes] : cells) {
      if (cancelled && expectedCells.size() == outcome_.cells.size()) break;
      hasher->begin();
      hasher->add(reinterpret_cast<const std::byte*>(bytes.data()), bytes.size());
      expectedCells.push_back(cell);
      expected.resize(expected.size() + hasher->digestBytes());
      hasher->end(expected.data() + expected.size() - hasher->digestBytes());
    }
    check(outcome_.cells == expectedCells, "every cell that was touched has a digest");
    check(outcome_.digests == expected, "digests are those of the cells' bytes");
  }

  void clearings(Backend backend, ClearMode mode) {
    Bytes content = noise();
    const UniqueFd file = files_.create("cleared", content);
    ClearSpec spec;
    spec.target = perhapsFar(file, backend);
    spec.extents = extents();
    spec.mode = mode;
    spec.options = options(backend);
    for (const Extent& extent : spec.extents) {
      const uint64_t unit = mode == ClearMode::kDiscard ? 4 * kKiB : 1;
      const uint64_t start = std::min(roundUp(extent.start, unit), extent.end());
      const uint64_t end = std::max(roundDown(extent.end(), unit), start);
      std::fill_n(content.begin() + static_cast<long>(start), end - start, 0);
    }
    runWatched<ClearJob>(std::move(spec), false);
    check(contentOf(file) == content, "cleared file is what it should be");
  }

 private:
  EndpointSpec perhapsFar(const UniqueFd& file, Backend backend) {
    if (random_() % 3 == 0) return again(file);
    agent_ = std::make_unique<Agent>(again(file), options(backend));
    return agent_->source();
  }

  template <class T>
  T pick(std::initializer_list<T> items) {
    return items.begin()[random_() % items.size()];
  }

  /// While the job runs, another thread reads its counters and perhaps cancels it.
  template <class Job, class Spec>
  const JobControl& runWatched(Spec spec, bool cancelled) {
    control_.~JobControl();
    new (&control_) JobControl(kMostTargets);
    const auto patience = std::chrono::microseconds(cancelled ? random_() % 5000 : 0);
    const std::jthread watcher([this, cancelled, patience](const std::stop_token& ended) {
      std::this_thread::sleep_for(patience);
      if (cancelled) control_.stop = Stop::kCancel;
      while (!ended.stop_requested()) {
        check(control_.counters.durable <= control_.counters.total, "durable within total");
        std::this_thread::yield();
      }
    });
    outcome_ = Job(std::move(spec), control_).run();
    agent_.reset();
    check(!outcome_.failure, "no failure");
    for (const MaybeFailure& link : outcome_.linkFailures) check(!link, "no link fails");
    for (const Requests& requests : control_.requests)
      check(requests.submitted == requests.completed, "what was submitted has completed");
    return control_;
  }

  Files& files_;
  std::mt19937 random_;
  JobControl control_{kMostTargets};
  JobOutcome outcome_;
  std::unique_ptr<Agent> agent_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const auto seed = static_cast<uint32_t>(argc > 2 ? std::atoi(argv[2]) : 1);
  std::printf("seed %u\n", seed);
  Files files(argv[1]);
  Scene scene(files, seed);
  for (int round = 0; round < 3; ++round) {
    for (const Backend backend : {Backend::kUring, Backend::kThreads}) {
      scene.copies(backend, false);
      scene.copies(backend, true);
      scene.comparisons(backend);
      for (const Algorithm algorithm : {Algorithm::kXxh3, Algorithm::kXxh64, Algorithm::kSha256}) {
        scene.digests(backend, algorithm, false);
        scene.digests(backend, algorithm, true);
      }
      scene.clearings(backend, ClearMode::kZero);
      scene.clearings(backend, ClearMode::kDiscard);
    }
  }
  failures += testDirtyBitmap(seed);
  std::printf("%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
