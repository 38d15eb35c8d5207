// SPDX-License-Identifier: Apache-2.0
// A webhook with one event, endpoints for it, and small orders to send there: what the benches of
// the whole engine share that have many endpoints.
#pragma once

#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/check.h"
#include "headrace/engine.h"

namespace headrace::bench {

struct ShopEndpoint {
  std::string product;
  std::string token;  // of its link
  EndpointId id;
};

class Shop {
 public:
  // Registers the webhook, and its event. Requires: a fresh engine.
  explicit Shop(Engine& engine) : workspace_(*engine.workspace("default")) {
    const auto webhook =
        workspace_.create_webhook("shop", {.tag = "orders", .name = "Orders", .envs = {{"prd"}}});
    const auto event = workspace_.create_event(
        "shop", {.tag = "orders:placed", .name = "Placed", .selector = "$Event{type}"});
    HEADRACE_CHECK(webhook.has_value() && event.has_value());
    token_ = webhook->envs.front().link.substr(webhook->envs.front().link.rfind('/') + 1);
  }

  ShopEndpoint add(const std::string& product, const std::string& url,
                   std::vector<std::chrono::milliseconds> retries) {
    EndpointSettings settings{.url = url};
    settings.delivery.retry.emplace().emplace().schedule = std::move(retries);
    const auto link = workspace_.create_link(
        product,
        {.access_tag = "shop", .webhook = "orders", .env = "prd", .settings = std::move(settings)});
    HEADRACE_CHECK(link.has_value());
    const std::string& path = link->link.url;
    return {product, path.substr(path.rfind('/') + 1), link->endpoint};
  }
  void remove(const ShopEndpoint& endpoint) {
    HEADRACE_CHECK(workspace_.delete_endpoint(endpoint.id, {.cascade = true}).has_value());
  }
  // Of the webhook's own link: what goes there goes to every endpoint.
  const std::string& token() const noexcept { return token_; }

 private:
  Workspace workspace_;
  std::string token_;
};

// Orders of one size that differ by a number.
class OrderText {
 public:
  explicit OrderText(std::size_t bytes) : text_(std::string(kHead) + "0000000000\",\"note\":\"") {
    if (text_.size() + 2 < bytes) text_.append(bytes - text_.size() - 2, 'n');
    text_ += "\"}";
  }
  // Valid until the next call.
  std::string_view with(std::uint64_t number) {
    for (std::size_t i = kDigits; i-- > 0; number /= 10) {
      text_[kHead.size() + i] = static_cast<char>('0' + number % 10);
    }
    return text_;
  }
  // Nothing: that is none of them.
  static std::optional<std::uint64_t> number_in(std::string_view body) {
    if (body.size() < kHead.size() + kDigits || !body.starts_with(kHead)) return std::nullopt;
    std::uint64_t number = 0;
    const char* const begin = body.data() + kHead.size();
    const auto parsed = std::from_chars(begin, begin + kDigits, number);
    if (parsed.ec != std::errc{} || parsed.ptr != begin + kDigits) return std::nullopt;
    return number;
  }

 private:
  static constexpr std::string_view kHead = R"({"type":"placed","order":")";
  static constexpr std::size_t kDigits = 10;
  std::string text_;
};

// The value of `--name=value` among the arguments, else `usual`.
inline double option(int argc, char** argv, std::string_view name, double usual) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument(argv[i]);
    if (!argument.starts_with(name) || argument.size() <= name.size()) continue;
    if (argument[name.size()] == '=') return std::stod(argv[i] + name.size() + 1);
  }
  return usual;
}
inline bool flag(int argc, char** argv, std::string_view name) {
  for (int i = 1; i < argc; ++i) {
    if (name == argv[i]) return true;
  }
  return false;
}

}  // namespace headrace::bench
