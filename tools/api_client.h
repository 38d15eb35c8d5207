// SPDX-License-Identifier: Apache-2.0
// One conversation with a daemon's management API.
//
// The key travels in a header, and only to the daemon named: no redirect is followed and no proxy
// is asked. Threads: one. Limits: an answer of at most kAnswerBytesMax.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "headrace/result.h"
#include "tools/connection.h"
#include "tools/request.h"

namespace headrace::tools {

inline constexpr std::size_t kAnswerBytesMax = std::size_t{256} << 20;

struct Answer {
  int status = 0;
  std::string body;
};

class ApiClient {
 public:
  explicit ApiClient(Connection connection);
  ~ApiClient();
  ApiClient(const ApiClient&) = delete;
  ApiClient& operator=(const ApiClient&) = delete;

  // Any answer, of whatever status. kConnectFailed: the daemon cannot be reached, or does not
  // finish its answer. kTooLarge: the answer is. kInvalidArgument: a header has characters that
  // none may have.
  Result<Answer> call(const Request& request);

 private:
  class Transfer;

  const Connection connection_;
  const std::unique_ptr<Transfer> transfer_;
};

}  // namespace headrace::tools
