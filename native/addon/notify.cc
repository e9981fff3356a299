// The protocol is one datagram of lines, see sd_notify(3).
#include "notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>

#include "unique_fd.h"

namespace fastsync {

namespace {

int sendTo(const std::string& path, const std::string& message) {
  sockaddr_un address{};
  if (path.empty() || path.size() >= sizeof(address.sun_path)) return EINVAL;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path.front() == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());

  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return errno;
  // A manager that does not listen must not hold us up.
  const ssize_t sent =
      ::sendto(socket.get(), message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
               reinterpret_cast<const sockaddr*>(&address), length);
  return sent < 0 ? errno : 0;
}

}  // namespace

Napi::Value notifySocket(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  const std::string message = info[1].As<Napi::String>();
  return Napi::Number::New(info.Env(), sendTo(path, message));
}

}  // namespace fastsync
