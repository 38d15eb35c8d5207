// SPDX-License-Identifier: Apache-2.0
#include "api/authorizer.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "core/http_grammar.h"

namespace headrace::api {
namespace {

constexpr auto kAllScopes = static_cast<Scopes>(
    static_cast<unsigned>(Scope::kRead) | static_cast<unsigned>(Scope::kWrite) |
    static_cast<unsigned>(Scope::kReplay) | static_cast<unsigned>(Scope::kAdmin));

// The credential behind "Bearer "; empty: there is none.
std::string_view bearer(std::string_view authorization) noexcept {
  const std::size_t space = authorization.find(' ');
  if (space == std::string_view::npos ||
      !core::http::equals_lower(authorization.substr(0, space), "bearer"))
    return {};
  return core::http::trim(authorization.substr(space));
}

Scopes scope_of(Access access) noexcept {
  switch (access) {
    case Access::kRead:
      return static_cast<Scopes>(Scope::kRead);
    case Access::kWrite:
      return static_cast<Scopes>(Scope::kWrite);
    case Access::kReplay:
      return static_cast<Scopes>(Scope::kReplay);
    case Access::kAdmin:
      return static_cast<Scopes>(Scope::kAdmin);
    default:
      return 0;
  }
}

}  // namespace

std::string_view to_string(Access access) noexcept {
  switch (access) {
    case Access::kNone:
      return "none";
    case Access::kAny:
      return "any";
    case Access::kRead:
      return "read";
    case Access::kWrite:
      return "write";
    case Access::kReplay:
      return "replay";
    case Access::kAdmin:
      return "admin";
    case Access::kOperator:
      return "operator";
  }
  return "none";
}

// Who gives no key guesses none, and may go on.
Result<Grant> Authorizer::identify(const Request& request, std::chrono::milliseconds& wait) const {
  const std::string_view key = bearer(request.authorization);
  if (key.empty()) return Error{ErrorCode::kUnauthorized, "the key is missing or wrong"};
  wait = guard_.wait_of(request.client(), key);
  if (wait.count() != 0) return Error{ErrorCode::kUnavailable, "too many keys were wrong"};
  auto grant = grant_of(request, key);
  if (grant || grant.error().code == ErrorCode::kForbidden) {
    guard_.succeeded(request.client(), key);
  } else if (grant.error().code == ErrorCode::kUnauthorized) {
    guard_.failed(request.client(), key);
  }
  return grant;
}

Result<Grant> Authorizer::grant_of(const Request& request, std::string_view key) const {
  if (is_root(key)) return Grant{request.workspace.value_or("default"), kAllScopes, {}, true};
  auto caller = engine_.authenticate(key);
  if (!caller && caller.error().code == ErrorCode::kUnauthorized)
    return Error{ErrorCode::kUnauthorized, "the key is missing or wrong"};
  if (!caller) return std::move(caller).error();
  if (request.workspace && *request.workspace != caller->workspace)
    return Error{ErrorCode::kForbidden, "the key is not of this workspace"};
  return Grant{caller->workspace, caller->scopes, caller->key, false};
}

Result<void> Authorizer::check(const Grant& grant, Access access) {
  if (grant.is_operator || access == Access::kNone || access == Access::kAny) return {};
  if (access == Access::kOperator)
    return Error{ErrorCode::kForbidden, "only the operator's key allows this"};
  const bool is_admin = (grant.scopes & static_cast<Scopes>(Scope::kAdmin)) != 0;
  if (is_admin || (grant.scopes & scope_of(access)) != 0) return {};
  return Error{ErrorCode::kForbidden, "the key lacks the scope " + std::string(to_string(access))};
}

// Takes the same time however much of the key is right, and tells nothing of its length.
bool Authorizer::is_root(std::string_view key) const noexcept {
  unsigned char given[SHA256_DIGEST_LENGTH];
  unsigned char wanted[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), given);
  SHA256(reinterpret_cast<const unsigned char*>(root_key_.data()), root_key_.size(), wanted);
  return CRYPTO_memcmp(given, wanted, sizeof(given)) == 0;
}

}  // namespace headrace::api
