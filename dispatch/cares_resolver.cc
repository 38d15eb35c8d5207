// SPDX-License-Identifier: Apache-2.0
#include "dispatch/cares_resolver.h"

#include <ares.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/check.h"

namespace headrace::dispatch {

namespace {

Addresses addresses_of(const ares_addrinfo* result) noexcept {
  Addresses addresses;
  for (const ares_addrinfo_node* node = result->nodes; node != nullptr; node = node->ai_next) {
    SocketAddress address{};
    address.v6 = {};
    if (node->ai_addr == nullptr || node->ai_addrlen > sizeof(address)) continue;
    std::memcpy(&address, node->ai_addr, node->ai_addrlen);
    addresses.add(address);
  }
  return addresses;
}

std::chrono::seconds shortest_ttl(const ares_addrinfo* result,
                                  std::chrono::seconds limit) noexcept {
  for (const ares_addrinfo_node* node = result->nodes; node != nullptr; node = node->ai_next) {
    limit = std::min(limit, std::chrono::seconds{node->ai_ttl});
  }
  return limit;
}

void link(ResolveRequest& ring, ResolveRequest& request) noexcept {
  request.next = &ring;
  request.previous = std::exchange(ring.previous, &request);
  request.previous->next = &request;
}

void unlink(ResolveRequest& request) noexcept {
  request.previous->next = request.next;
  request.next->previous = request.previous;
  request.next = request.previous = nullptr;
}

}  // namespace

CaresResolver::CaresResolver(core::Loop& loop, CaresOptions options) noexcept
    : loop_(loop), options_(std::move(options)) {
  timer_.owner = this;
  timer_.fire = [](core::Timer& timer) noexcept {
    auto& self = *static_cast<CaresResolver*>(timer.owner);
    ares_process_fd(self.channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    self.arm_timer();
  };
}

CaresResolver::~CaresResolver() {
  HEADRACE_CHECK(sockets_open_ == 0);
  loop_.disarm(timer_);
  if (channel_ != nullptr) ares_destroy(channel_);  // it was never asked anything
}

Result<std::unique_ptr<CaresResolver>> CaresResolver::make(core::Loop& loop, CaresOptions options) {
  std::unique_ptr<CaresResolver> resolver{new CaresResolver(loop, std::move(options))};
  if (auto opened = resolver->open(); !opened) return std::move(opened).error();
  return resolver;
}

Result<void> CaresResolver::open() {
  ares_options settings{};
  settings.sock_state_cb = &CaresResolver::on_socket_state;
  settings.sock_state_cb_data = this;
  settings.timeout = static_cast<int>(options_.timeout.count());
  settings.tries = options_.tries;
  const int set = ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES;
  if (ares_init_options(&channel_, &settings, set) != ARES_SUCCESS) {
    channel_ = nullptr;
    return Error{ErrorCode::kUnavailable, "the resolver cannot start", 0};
  }
  if (options_.servers.empty() ||
      ares_set_servers_ports_csv(channel_, options_.servers.c_str()) == ARES_SUCCESS) {
    return {};
  }
  ares_destroy(std::exchange(channel_, nullptr));
  return Error{ErrorCode::kInvalidArgument, "the name servers are not a list of addresses", 0};
}

std::optional<Addresses> CaresResolver::resolve(std::string_view host, ResolveRequest& request) {
  if (auto known = known_addresses(host)) return known;
  if (channel_ == nullptr) return Addresses{};
  std::string name(host);
  if (const Addresses* cached = find_cached(name)) return *cached;
  std::unique_ptr<LookUp>& slot = under_way_[name];
  if (slot == nullptr) {
    slot = std::make_unique<LookUp>();
    LookUp& look_up = *slot;
    look_up.resolver = this;
    look_up.host = name;
    look_up.waiting.next = look_up.waiting.previous = &look_up.waiting;
    ++look_ups_;
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;  // otherwise every address comes once a socket type
    ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, &CaresResolver::on_answer, &look_up);
    look_up.starting = false;
    if (look_up.ended) {
      const Addresses addresses = look_up.addresses;
      under_way_.erase(name);
      return addresses;
    }
    arm_timer();
  }
  link(under_way_[name]->waiting, request);
  return std::nullopt;
}

void CaresResolver::cancel(ResolveRequest& request) noexcept {
  if (request.next != nullptr) unlink(request);
}

void CaresResolver::on_answer(void* look_up, int status, int, ares_addrinfo* result) noexcept {
  auto& asked = *static_cast<LookUp*>(look_up);
  asked.resolver->answered(asked, status, result);
  if (result != nullptr) ares_freeaddrinfo(result);
}

void CaresResolver::answered(LookUp& look_up, int status, const ares_addrinfo* result) noexcept {
  look_up.ended = true;
  if (status == ARES_SUCCESS && result != nullptr) {
    look_up.addresses = addresses_of(result);
    remember(look_up.host, look_up.addresses, shortest_ttl(result, options_.ttl_max));
  }
  if (!look_up.starting) answer_waiting(look_up);
}

void CaresResolver::answer_waiting(LookUp& look_up) noexcept {
  // Out of the table first: who is told of a failure may ask again at once.
  const auto node = under_way_.extract(look_up.host);
  while (look_up.waiting.next != &look_up.waiting) {
    ResolveRequest& request = *look_up.waiting.next;
    unlink(request);
    request.on_resolved(request, look_up.addresses);
  }
}

const Addresses* CaresResolver::find_cached(const std::string& host) noexcept {
  const auto found = cache_.find(host);
  if (found == cache_.end()) return nullptr;
  if (now_ms() < found->second.expires) return &found->second.addresses;
  cache_.erase(found);
  return nullptr;
}

void CaresResolver::remember(const std::string& host, const Addresses& addresses,
                             std::chrono::seconds ttl) {
  if (addresses.empty()) return;
  const core::SteadyMs now = now_ms();
  if (cache_.size() >= options_.cache_entries_max) {
    std::erase_if(cache_, [now](const auto& item) { return item.second.expires <= now; });
  }
  if (cache_.size() >= options_.cache_entries_max) cache_.erase(cache_.begin());
  const std::chrono::milliseconds life = std::max(ttl, options_.ttl_min);
  cache_[host] = {addresses, now + static_cast<core::SteadyMs>(life.count())};
}

void CaresResolver::on_socket_state(void* resolver, int fd, int readable, int writable) noexcept {
  auto& self = *static_cast<CaresResolver*>(resolver);
  const int events = (readable != 0 ? UV_READABLE : 0) | (writable != 0 ? UV_WRITABLE : 0);
  if (events == 0) return self.unwatch(fd);
  self.watch(fd, events);
}

void CaresResolver::watch(int fd, int events) noexcept {
  Socket*& socket = sockets_[fd];
  if (socket == nullptr) {
    socket = new Socket{{}, this, fd};
    HEADRACE_CHECK(uv_poll_init_socket(loop_.uv(), &socket->poll, fd) == 0);
    socket->poll.data = socket;
    ++sockets_open_;
  }
  uv_poll_start(&socket->poll, events, &CaresResolver::on_poll);
}

void CaresResolver::unwatch(int fd) noexcept {
  const auto found = sockets_.find(fd);
  if (found == sockets_.end()) return;
  Socket* socket = found->second;
  sockets_.erase(found);
  uv_poll_stop(&socket->poll);
  uv_close(reinterpret_cast<uv_handle_t*>(&socket->poll), &CaresResolver::on_socket_closed);
}

void CaresResolver::on_poll(uv_poll_t* handle, int status, int events) noexcept {
  const auto& socket = *static_cast<Socket*>(handle->data);
  CaresResolver& self = *socket.resolver;
  // On an error both sides are tried, so that c-ares sees it.
  const bool read = status != 0 || (events & UV_READABLE) != 0;
  const bool write = status != 0 || (events & UV_WRITABLE) != 0;
  const int fd = socket.fd;
  ares_process_fd(self.channel_, read ? fd : ARES_SOCKET_BAD, write ? fd : ARES_SOCKET_BAD);
  self.arm_timer();
}

void CaresResolver::on_socket_closed(uv_handle_t* handle) noexcept {
  auto* socket = static_cast<Socket*>(handle->data);
  CaresResolver& self = *socket->resolver;
  delete socket;
  --self.sockets_open_;
  self.report_stopped();
}

void CaresResolver::arm_timer() noexcept {
  timeval left{};
  if (channel_ == nullptr || ares_timeout(channel_, nullptr, &left) == nullptr) {
    return loop_.disarm(timer_);
  }
  const auto wait = static_cast<core::SteadyMs>(left.tv_sec * 1000 + left.tv_usec / 1000 + 1);
  loop_.arm(timer_, now_ms() + wait);
}

void CaresResolver::stop(std::function<void()> done) {
  on_stopped_ = std::move(done);
  loop_.disarm(timer_);
  if (channel_ != nullptr) ares_destroy(std::exchange(channel_, nullptr));
  if (sockets_open_ == 0) loop_.post([this] { report_stopped(); });
}

void CaresResolver::report_stopped() {
  if (sockets_open_ == 0 && on_stopped_ != nullptr) std::exchange(on_stopped_, nullptr)();
}

}  // namespace headrace::dispatch
