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

std::string_view first_bytes(const core::IpAddress& address, std::size_t count) noexcept {
  return {reinterpret_cast<const char*>(address.bytes.data()), count};
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

// Never 0.
std::uint64_t Throttle::name_of(std::string_view kind, std::string_view network,
                                std::string_view key) const {
  const std::array<std::string_view, 4> pieces = {kind, network, key.empty() ? "" : "/", key};
  const core::Digest digest = names_.sign(pieces);
  std::uint64_t name = 0;
  std::memcpy(&name, digest.bytes.data(), sizeof(name));
  return std::max<std::uint64_t>(name, 1);
}

// Of the client alone when there is no key. An IPv6 client can choose freely among the addresses of
// its /64.
std::uint64_t Throttle::name_of(const std::optional<core::IpAddress>& client,
                                std::string_view key) const {
  if (!client) return name_of("-", {}, key);
  return client->v4 ? name_of("4", first_bytes(*client, 4), key)
                    : name_of("6", first_bytes(*client, 8), key);
}

std::uint64_t Throttle::site_of(const core::IpAddress& client) const {
  return name_of("s", first_bytes(client, 6), {});
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

std::uint64_t Throttle::wait_of(std::uint64_t name, std::uint64_t now_ms) noexcept {
  const Client* tried = find(name);
  return tried != nullptr && tried->locked_to > now_ms ? tried->locked_to - now_ms : 0;
}

std::uint64_t Throttle::wait_of(const std::optional<core::IpAddress>& client, std::string_view key,
                                std::uint64_t now_ms) {
  const auto from = unmapped(client);
  if (find_known(name_of(from, key)) != nullptr) return 0;
  const std::uint64_t wait = wait_of(name_of(from, {}), now_ms);
  return from && !from->v4 ? std::max(wait, wait_of(site_of(*from), now_ms)) : wait;
}

void Throttle::failed(const std::optional<core::IpAddress>& client, std::string_view key,
                      std::uint64_t now_ms) {
  const auto from = unmapped(client);
  if (std::uint64_t* known = find_known(name_of(from, key))) *known = 0;
  charge(name_of(from, {}), from ? 1 : options_.site_factor, now_ms);
  if (from && !from->v4) charge(site_of(*from), options_.site_factor, now_ms);
}

// Each try moves the time at which all are there again on by what one takes, and never further away
// than all of them take. What fails while it is locked out was under way before, and locks no more.
void Throttle::charge(std::uint64_t name, std::uint32_t factor, std::uint64_t now_ms) noexcept {
  Client& tried = take(name);
  if (now_ms >= tried.forgiven_at) tried.locks = 0;
  const std::uint64_t again = std::max<std::uint64_t>(options_.try_again_ms / factor, 1);
  const std::uint64_t all = options_.tries * factor * again;
  tried.due = std::min(std::max(tried.due, now_ms) + again, now_ms + all);
  const bool has_another = tried.due + again <= now_ms + all;
  if (tried.locked_to > now_ms || (tried.locks == 0 && has_another)) return;
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
