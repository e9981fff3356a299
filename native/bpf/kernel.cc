// bpf(2) takes one union of attributes; its unused bytes must be zero.
#include "kernel.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <string_view>

namespace fastsync::bpf {

namespace {

long bpf(enum bpf_cmd command, union bpf_attr& attributes) {
  return ::syscall(SYS_bpf, command, &attributes, sizeof(attributes));
}

long checked(enum bpf_cmd command, union bpf_attr& attributes, const char* what) {
  const long result = bpf(command, attributes);
  if (result < 0) throw KernelError(errno, std::generic_category(), what);
  return result;
}

UniqueFd fdOf(enum bpf_cmd command, union bpf_attr& attributes, const char* what) {
  return UniqueFd(static_cast<int>(checked(command, attributes, what)));
}

union bpf_attr blank() {
  union bpf_attr attributes;
  std::memset(&attributes, 0, sizeof(attributes));
  return attributes;
}

uint64_t pointer(const void* address) { return reinterpret_cast<uint64_t>(address); }

template <class Info>
Info infoOf(const UniqueFd& object, const char* what) {
  Info info;
  std::memset(&info, 0, sizeof(info));
  union bpf_attr attributes = blank();
  attributes.info.bpf_fd = static_cast<uint32_t>(object.get());
  attributes.info.info_len = sizeof(info);
  attributes.info.info = pointer(&info);
  checked(BPF_OBJ_GET_INFO_BY_FD, attributes, what);
  return info;
}

UniqueFd createArray(const char* name, uint32_t valueBytes, uint32_t entries, uint32_t flags) {
  union bpf_attr attributes = blank();
  attributes.map_type = BPF_MAP_TYPE_ARRAY;
  attributes.key_size = sizeof(uint32_t);
  attributes.value_size = valueBytes;
  attributes.max_entries = entries;
  attributes.map_flags = flags;
  std::strncpy(attributes.map_name, name, sizeof(attributes.map_name) - 1);
  return fdOf(BPF_MAP_CREATE, attributes, "BPF_MAP_CREATE");
}

/// How many values a per-processor map has: one for each processor that the machine may ever have.
/// The kernel's list ends with the last processor's number: "0-7", "0".
size_t possibleProcessors() {
  std::string list;
  std::ifstream("/sys/devices/system/cpu/possible") >> list;
  const size_t last = list.find_last_of(",-");
  const std::string number = last == std::string::npos ? list : list.substr(last + 1);
  if (number.empty()) throw KernelError(ENOENT, std::generic_category(), "cpu/possible");
  return std::stoul(number) + 1;
}

}  // namespace

UniqueFd createWords(uint32_t words) {
  return createArray("held", sizeof(uint64_t), words, BPF_F_MMAPABLE);
}

UniqueFd createNote(uint32_t bytes) { return createArray("note", bytes, 1, 0); }

void writeElement(const UniqueFd& map, const void* value) {
  const uint32_t key = 0;
  union bpf_attr attributes = blank();
  attributes.map_fd = static_cast<uint32_t>(map.get());
  attributes.key = pointer(&key);
  attributes.value = pointer(value);
  checked(BPF_MAP_UPDATE_ELEM, attributes, "BPF_MAP_UPDATE_ELEM");
}

std::vector<std::byte> readElement(const UniqueFd& map) {
  const auto info = infoOf<struct bpf_map_info>(map, "BPF_OBJ_GET_INFO_BY_FD");
  const bool perProcessor = info.type == BPF_MAP_TYPE_PERCPU_ARRAY;
  const size_t valueBytes = (info.value_size + 7U) / 8U * 8U;  // as the kernel lays them out
  std::vector<std::byte> value(valueBytes * (perProcessor ? possibleProcessors() : 1));
  const uint32_t key = 0;
  union bpf_attr attributes = blank();
  attributes.map_fd = static_cast<uint32_t>(map.get());
  attributes.key = pointer(&key);
  attributes.value = pointer(value.data());
  checked(BPF_MAP_LOOKUP_ELEM, attributes, "BPF_MAP_LOOKUP_ELEM");
  return value;
}

UniqueFd attach(const UniqueFd& program) {
  // Needs no name: the program was loaded for one tracepoint.
  union bpf_attr attributes = blank();
  attributes.raw_tracepoint.prog_fd = static_cast<uint32_t>(program.get());
  return fdOf(BPF_RAW_TRACEPOINT_OPEN, attributes, "BPF_RAW_TRACEPOINT_OPEN");
}

UniqueFd programOf(const UniqueFd& link) {
  union bpf_attr attributes = blank();
  attributes.prog_id = infoOf<struct bpf_link_info>(link, "BPF_OBJ_GET_INFO_BY_FD").prog_id;
  return fdOf(BPF_PROG_GET_FD_BY_ID, attributes, "BPF_PROG_GET_FD_BY_ID");
}

uint64_t missesOf(const UniqueFd& program) {
  return infoOf<struct bpf_prog_info>(program, "BPF_OBJ_GET_INFO_BY_FD").recursion_misses;
}

void pin(const UniqueFd& object, const std::string& path) {
  union bpf_attr attributes = blank();
  attributes.pathname = pointer(path.c_str());
  attributes.bpf_fd = static_cast<uint32_t>(object.get());
  checked(BPF_OBJ_PIN, attributes, "BPF_OBJ_PIN");
}

UniqueFd openPinned(const std::string& path) {
  union bpf_attr attributes = blank();
  attributes.pathname = pointer(path.c_str());
  return fdOf(BPF_OBJ_GET, attributes, "BPF_OBJ_GET");
}

}  // namespace fastsync::bpf
