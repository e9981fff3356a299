// The few commands of bpf(2) that a loaded tracker needs.
#pragma once

#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

#include "unique_fd.h"

namespace fastsync::bpf {

/// Thrown by all of these: the errno, and what was being done.
using KernelError = std::system_error;

/// A mmapable array of 64-bit words, all zero.
UniqueFd createWords(uint32_t words);
/// An array of one element of `bytes`.
UniqueFd createNote(uint32_t bytes);
void writeElement(const UniqueFd& map, const void* value);
/// The only element of an array of one; for a map per processor, one value after the other.
std::vector<std::byte> readElement(const UniqueFd& map);

UniqueFd attach(const UniqueFd& program);
UniqueFd programOf(const UniqueFd& link);
/// How often the kernel skipped a program that was running already on that processor.
uint64_t missesOf(const UniqueFd& program);

void pin(const UniqueFd& object, const std::string& path);
UniqueFd openPinned(const std::string& path);

}  // namespace fastsync::bpf
