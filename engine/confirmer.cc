// SPDX-License-Identifier: Apache-2.0
#include "engine/confirmer.h"

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "core/ip_address.h"
#include "dispatch/url.h"

namespace headrace::engine {
namespace {

constexpr unsigned kDelayFactor = 4;

// The query of such a URL is as good as a password.
std::string_view host_of(std::string_view url) noexcept {
  const std::size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  return url.substr(0, url.find_first_of("/?#"));
}

bool is_final(int status) noexcept { return status < 500 && status != 408 && status != 429; }

struct Transfer {
  const HttpsFetchOptions& options;
  const std::string& url;
  const std::function<bool()>& given_up;
  std::size_t received = 0;
  bool address_refused = false;
};

curl_socket_t open_socket(void* to, curlsocktype purpose, curl_sockaddr* address) noexcept {
  auto& transfer = *static_cast<Transfer*>(to);
  const bool allowed = purpose == CURLSOCKTYPE_IPCXN && transfer.options.allows &&
                       transfer.options.allows(transfer.url, address->addr);
  if (allowed)
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  transfer.address_refused = true;
  return CURL_SOCKET_BAD;
}

std::size_t count_bytes(char*, std::size_t size, std::size_t count, void* to) noexcept {
  auto& transfer = *static_cast<Transfer*>(to);
  transfer.received += size * count;
  return transfer.received <= Confirmer::kAnswerBytesMax ? size * count : 0;
}

int on_progress(void* to, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept {
  return static_cast<Transfer*>(to)->given_up() ? 1 : 0;
}

// The system's roots stay; a file that cannot be read any more trusts nobody else.
CURLcode add_roots(CURL*, void* context, void* to) noexcept {
  const HttpsFetchOptions& options = static_cast<Transfer*>(to)->options;
  const bool added = SSL_CTX_load_verify_file(static_cast<SSL_CTX*>(context),
                                              options.extra_roots_file.c_str()) == 1;
  return added ? CURLE_OK : CURLE_SSL_CACERT_BADFILE;
}

using CurlList = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

// What libcurl is to take for a look-up of the URL's host. None: it cannot be resolved.
std::optional<CurlList> resolved(const HttpsFetchOptions& options, const std::string& url) {
  CurlList list(nullptr, &curl_slist_free_all);
  const auto parsed = dispatch::Url::parse(url);
  if (!parsed) return std::nullopt;
  if (!options.look_up || dispatch::known_addresses(parsed->host)) return list;
  const dispatch::Addresses addresses = options.look_up(parsed->host);
  if (addresses.empty()) return std::nullopt;
  std::string entry = parsed->host + ":" + std::to_string(parsed->port) + ":";
  for (std::size_t i = 0; i < addresses.count; ++i) {
    const auto address = core::IpAddress::from(addresses.list[i].any);
    if (!address) continue;
    if (!entry.ends_with(':')) entry += ',';
    entry += address->v4 ? address->to_string() : "[" + address->to_string() + "]";
  }
  list.reset(curl_slist_append(nullptr, entry.c_str()));
  if (list == nullptr) return std::nullopt;
  return list;
}

void set_options(CURL* curl, Transfer& transfer, curl_slist* addresses) {
  const HttpsFetchOptions& options = transfer.options;
  curl_easy_setopt(curl, CURLOPT_URL, transfer.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");  // whatever the environment says
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(options.connect_timeout.count()));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout.count()));
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, &open_socket);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &count_bytes);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
  if (addresses != nullptr) curl_easy_setopt(curl, CURLOPT_RESOLVE, addresses);
  if (options.extra_roots_file.empty()) return;
  curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, &add_roots);
  curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, &transfer);
}

}  // namespace

Confirmer::Confirmer(Fetch fetch, core::LogSink& log, Options options)
    : fetch_(std::move(fetch)), log_(log), options_(options) {}

void Confirmer::start() {
  const std::lock_guard lock(mutex_);
  if (running_) return;
  running_ = true;
  thread_ = std::thread([this] { run(); });
}

void Confirmer::stop() {
  {
    const std::lock_guard lock(mutex_);
    running_ = false;
    waiting_.clear();
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool Confirmer::stopping() {
  const std::lock_guard lock(mutex_);
  return !running_;
}

void Confirmer::confirm(std::string url) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (!running_) return;
    if (std::find(waiting_.begin(), waiting_.end(), url) != waiting_.end()) return;
    if (waiting_.size() < kWaitingMax) {
      waiting_.push_back(std::move(url));
      changed_.notify_all();
      return;
    }
  }
  log_.write(core::LogLevel::kWarning, "confirmation_dropped",
             "too many confirmations wait, so a provider is not answered",
             {{"host", host_of(url)}});
}

void Confirmer::run() {
  for (;;) {
    std::string url;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !running_ || !waiting_.empty(); });
      if (!running_) return;
      url = waiting_.front();  // stays there until it is done, so that it is not taken up twice
    }
    confirm_now(url);
    const std::lock_guard lock(mutex_);
    if (!waiting_.empty()) waiting_.pop_front();
  }
}

// Tries again what may go better another time.
void Confirmer::confirm_now(const std::string& url) {
  std::chrono::milliseconds delay = options_.first_delay;
  for (unsigned attempt = 1;; ++attempt, delay *= kDelayFactor) {
    const Result<int> status = fetch_(url, [this] { return stopping(); });
    if (stopping()) return;
    if (status && *status >= 200 && *status < 300) {
      log_.write(core::LogLevel::kInfo, "confirmed", "a provider was told that somebody listens",
                 {{"host", host_of(url)}});
      return;
    }
    const bool is_last = attempt == kTriesMax || (status && is_final(*status)) ||
                         (!status && status.error().code == ErrorCode::kForbidden);
    if (is_last) {
      const std::string why =
          status ? "it answered " + std::to_string(*status) : status.error().what;
      log_.write(core::LogLevel::kWarning, "confirmation_failed",
                 "a provider could not be told that somebody listens",
                 {{"host", host_of(url)}, {"reason", std::string_view(why)}});
      return;
    }
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, delay, [this] { return !running_; })) return;
  }
}

Confirmer::Fetch https_fetch(HttpsFetchOptions options) {
  auto shared = std::make_shared<const HttpsFetchOptions>(std::move(options));
  return [shared](const std::string& url, const std::function<bool()>& given_up) -> Result<int> {
    if (!url.starts_with("https://"))
      return Error{ErrorCode::kForbidden, "the URL is not https", 0};
    const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                   &curl_easy_cleanup);
    if (curl == nullptr) return Error{ErrorCode::kUnavailable, "no memory for a connection", 0};
    const auto addresses = resolved(*shared, url);
    if (!addresses) return Error{ErrorCode::kConnectFailed, "its name cannot be resolved", 0};
    Transfer transfer{*shared, url, given_up};
    set_options(curl.get(), transfer, addresses->get());
    const CURLcode code = curl_easy_perform(curl.get());
    if (code != CURLE_OK) {
      if (transfer.address_refused)
        return Error{ErrorCode::kForbidden, "its address is not allowed", 0};
      return Error{ErrorCode::kConnectFailed, curl_easy_strerror(code), 0};
    }
    long status = 0;
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
    return static_cast<int>(status);
  };
}

Confirmer::Fetch https_fetch(const dispatch::AddressFilter& addresses, std::string extra_roots_file,
                             HostLookUp look_up) {
  const auto allows = [&addresses](const std::string& url, const sockaddr& address) {
    const auto parsed = dispatch::Url::parse(url);
    return parsed && addresses.allows(*parsed, address);
  };
  return https_fetch({.allows = allows,
                      .extra_roots_file = std::move(extra_roots_file),
                      .look_up = std::move(look_up)});
}

}  // namespace headrace::engine
