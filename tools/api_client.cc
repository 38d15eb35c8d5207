// SPDX-License-Identifier: Apache-2.0
#include "tools/api_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <utility>

namespace headrace::tools {
namespace {

constexpr long kConnectSeconds = 10;
constexpr long kWholeSeconds = 300;  // enabling may wait for a provider

struct FreeList {
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
using Headers = std::unique_ptr<curl_slist, FreeList>;

void add(Headers& headers, const std::string& line) {
  if (curl_slist* longer = curl_slist_append(headers.get(), line.c_str())) {
    headers.release();
    headers.reset(longer);
  }
}

bool may_be_in_a_header(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7f; });
}

std::size_t take(char* bytes, std::size_t, std::size_t count, void* target) noexcept {
  auto& body = *static_cast<std::string*>(target);
  if (body.size() + count > kAnswerBytesMax) return 0;  // which ends the transfer
  body.append(bytes, count);
  return count;
}

Headers headers_of(const Connection& connection, const Request& request) {
  Headers headers;
  add(headers, "Authorization: Bearer " + connection.key);
  add(headers, "Accept: application/json");
  add(headers, "Expect:");  // no round trip before a body
  if (!connection.workspace.empty()) add(headers, "Headrace-Workspace: " + connection.workspace);
  if (!request.body.empty()) add(headers, "Content-Type: application/json");
  if (!request.if_match.empty()) add(headers, "If-Match: " + request.if_match);
  if (!request.idempotency_key.empty()) add(headers, "Idempotency-Key: " + request.idempotency_key);
  return headers;
}

}  // namespace

class ApiClient::Transfer {
 public:
  Transfer() : handle_(curl_easy_init()) {}
  ~Transfer() { curl_easy_cleanup(handle_); }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  Result<Answer> perform(const std::string& url, const Request& request, curl_slist* headers) {
    if (handle_ == nullptr) return Error{ErrorCode::kUnavailable, "no HTTP client could be made"};
    Answer answer;
    curl_easy_reset(handle_);  // which keeps the connection
    set_limits();
    curl_easy_setopt(handle_, CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle_, CURLOPT_CUSTOMREQUEST, to_string(request.method).data());
    curl_easy_setopt(handle_, CURLOPT_HTTPHEADER, headers);
    if (request.method != Method::kGet && request.method != Method::kDelete) set_body(request.body);
    curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, &take);
    curl_easy_setopt(handle_, CURLOPT_WRITEDATA, &answer.body);
    const CURLcode code = curl_easy_perform(handle_);
    if (code == CURLE_WRITE_ERROR) return Error{ErrorCode::kTooLarge, "the answer is too large"};
    if (code != CURLE_OK)
      return Error{ErrorCode::kConnectFailed, curl_easy_strerror(code), static_cast<int>(code)};
    long status = 0;
    curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
    answer.status = static_cast<int>(status);
    return answer;
  }

 private:
  void set_limits() {
    curl_easy_setopt(handle_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle_, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle_, CURLOPT_PROXY, "");
    curl_easy_setopt(handle_, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(handle_, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    curl_easy_setopt(handle_, CURLOPT_TIMEOUT, kWholeSeconds);
  }

  void set_body(const std::string& body) {
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDS, body.c_str());
  }

  CURL* const handle_;
};

ApiClient::ApiClient(Connection connection)
    : connection_(std::move(connection)), transfer_(std::make_unique<Transfer>()) {}

ApiClient::~ApiClient() = default;

Result<Answer> ApiClient::call(const Request& request) {
  if (!may_be_in_a_header(request.if_match) || !may_be_in_a_header(request.idempotency_key))
    return Error{ErrorCode::kInvalidArgument, "a header may hold visible ASCII only"};
  const Headers headers = headers_of(connection_, request);
  auto answer = transfer_->perform(connection_.url + request.target, request, headers.get());
  if (answer || answer.error().code != ErrorCode::kConnectFailed) return answer;
  return Error{answer.error().code,
               "the daemon at " + connection_.url + " cannot be reached: " + answer.error().what,
               answer.error().detail};
}

}  // namespace headrace::tools
