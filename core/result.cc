// SPDX-License-Identifier: Apache-2.0
#include "headrace/result.h"

namespace headrace {

std::string_view to_string(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kMalformed:
      return "malformed";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kPrecondition:
      return "precondition_failed";
    case ErrorCode::kTooLarge:
      return "too_large";
    case ErrorCode::kUnauthorized:
      return "unauthorized";
    case ErrorCode::kForbidden:
      return "forbidden";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kStorageFull:
      return "storage_full";
    case ErrorCode::kStorageFailed:
      return "storage_failed";
    case ErrorCode::kCorrupted:
      return "corrupted";
    case ErrorCode::kTimedOut:
      return "timed_out";
    case ErrorCode::kResolveFailed:
      return "resolve_failed";
    case ErrorCode::kConnectFailed:
      return "connect_failed";
    case ErrorCode::kTlsFailed:
      return "tls_failed";
    case ErrorCode::kClosed:
      return "closed";
    case ErrorCode::kProtocol:
      return "protocol";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kAddressNotAllowed:
      return "address_not_allowed";
    case ErrorCode::kPlainHttpNotAllowed:
      return "plain_http_not_allowed";
  }
  return "unknown";
}

}  // namespace headrace
