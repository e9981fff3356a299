// The commands of bpf(2) that a loaded tracker needs.
#pragma once

#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

#include "unique_fd.h"

namespace fastsync::bpf {

/// All functions below throw this: the errno, and the command that failed.
using KernelError = std::system_error;

/// Creates an array of 64-bit words, all zero, that can be mapped into memory.
UniqueFd createWords(uint32_t words);
/// Creates an array of one element of `bytes`.
UniqueFd createNote(uint32_t bytes);
void writeElement(const UniqueFd& map, const void* value);
/// Reads the only element of an array; of a per-processor array, all its values in turn.
std::vector<std::byte> readElement(const UniqueFd& map);

UniqueFd attach(const UniqueFd& program);
UniqueFd programOf(const UniqueFd& link);
/// How often the kernel skipped the program because it was already running on that processor.
uint64_t missesOf(const UniqueFd& program);

void pin(const UniqueFd& object, const std::string& path);
UniqueFd openPinned(const std::string& path);

}  // namespace fastsync::bpf
