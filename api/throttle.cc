// SPDX-License-Identifier: Apache-2.0
#include "api/throttle.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "core/random.h"

namespace headrace::api {
namespace {

std::string random_key() {
  std::string key(32, '\0');
  core::secure_random(key.data(), key.size());
  return key;
}

// An IPv6 client can choose freely among the addresses of its /64.
std::string_view network_of(const core::IpAddress& address) noexcept {
  return {reinterpret_cast<const char*>(address.bytes.data()), address.v4 ? 4u : 8u};
}

bool is_loopback(const core::IpAddress& address) noexcept {
  if (address.v4) return address.bytes[0] == 127;
  core::IpAddress one;
  one.bytes[15] = 1;
  return address == one;
}

std::optional<core::IpAddress> unmapped(const std::optional<core::IpAddress>& client) noexcept {
  return client ? std::optional(client->unmapped()) : std::nullopt;
}

}  // namespace

Throttle::Throttle(const ThrottleOptions& options)
    : options_(options),
      names_(core::Hash::kSha256, random_key()),
      clients_(kClients),
      known_(kKnownKeys) {}

std::uint64_t Throttle::Client::forgotten_at() const noexcept {
  return std::max({due, locked_to, forgiven_at});
}

// Never 0. Of the client alone when there is no key.
std::uint64_t Throttle::name_of(const std::optional<core::IpAddress>& client,
                                std::string_view key) const {
  const std::array<std::string_view, 4> pieces = {client ? client->v4 ? "4" : "6" : "-",
                                                  client ? network_of(*client) : std::string_view(),
                                                  key.empty() ? "" : "/", key};
  const core::Digest digest = names_.sign(pieces);
  std::uint64_t name = 0;
  std::memcpy(&name, digest.bytes.data(), sizeof(name));
  return std::max<std::uint64_t>(name, 1);
}

Throttle::Client* Throttle::find(std::uint64_t name) noexcept {
  const auto place =
      clients_.begin() + static_cast<std::ptrdiff_t>(name % (kClients / kWays) * kWays);
  const auto it = std::find_if(place, place + kWays,
                               [name](const Client& client) { return client.name == name; });
  return it == place + kWays ? nullptr : &*it;
}

Throttle::Client& Throttle::take(std::uint64_t name) noexcept {
  if (Client* known = find(name)) return *known;
  const auto place =
      clients_.begin() + static_cast<std::ptrdiff_t>(name % (kClients / kWays) * kWays);
  const auto it = std::min_element(place, place + kWays, [](const Client& a, const Client& b) {
    return a.forgotten_at() < b.forgotten_at();
  });
  *it = Client{.name = name};
  return *it;
}

std::uint64_t* Throttle::find_known(std::uint64_t name) noexcept {
  std::uint64_t* const place = known_.data() + name % (kKnownKeys / kWays) * kWays;
  std::uint64_t* const it = std::find(place, place + kWays, name);
  if (it == place + kWays) return nullptr;
  std::rotate(place, it, it + 1);
  return place;
}

std::uint64_t Throttle::wait_of(const std::optional<core::IpAddress>& client, std::string_view key,
                                std::uint64_t now_ms) {
  const auto from = unmapped(client);
  if (find_known(name_of(from, key)) != nullptr) return 0;
  std::uint64_t wait = 0;
  if (from) {
    const Client* tried = find(name_of(from, {}));
    if (tried != nullptr && tried->locked_to > now_ms) wait = tried->locked_to - now_ms;
    if (is_loopback(*from)) return wait;
  }
  const std::uint64_t full =
      now_ms + std::uint64_t{options_.tries_of_all - 1} * options_.try_of_all_again_ms;
  return std::max(wait, due_of_all_ > full ? due_of_all_ - full : 0);
}

// Each try moves the time at which all are there again on by what one takes.
void Throttle::failed(const std::optional<core::IpAddress>& client, std::uint64_t now_ms) {
  const auto from = unmapped(client);
  if (!from || !is_loopback(*from))
    due_of_all_ = std::max(due_of_all_, now_ms) + options_.try_of_all_again_ms;
  if (!from) return;
  Client& tried = take(name_of(from, {}));
  if (now_ms >= tried.forgiven_at) tried.locks = 0;
  const std::uint64_t all = options_.tries * options_.try_again_ms;
  tried.due = std::max(tried.due, now_ms) + options_.try_again_ms;
  if (tried.locks == 0 && tried.due < now_ms + all) return;
  const std::uint32_t doublings = std::min<std::uint32_t>(tried.locks, 32);
  const std::uint64_t lock = std::min(options_.lock_max_ms, options_.lock_first_ms << doublings);
  ++tried.locks;
  tried.locked_to = now_ms + lock;
  tried.forgiven_at = tried.locked_to + lock + all;
}

void Throttle::succeeded(const std::optional<core::IpAddress>& client, std::string_view key) {
  const std::uint64_t name = name_of(unmapped(client), key);
  if (find_known(name) != nullptr) return;
  std::uint64_t* const place = known_.data() + name % (kKnownKeys / kWays) * kWays;
  std::rotate(place, place + kWays - 1, place + kWays);
  *place = name;
}

}  // namespace headrace::api
