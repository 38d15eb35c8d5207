// SPDX-License-Identifier: Apache-2.0
// Which request does what. Blocks on the store; runs on worker threads, never on a loop.
#pragma once

#include <string>

#include "api/request.h"
#include "headrace/engine.h"

namespace headrace::api {

class Routes {
 public:
  // `admin_key`: what Authorization must bear on everything below /v1.
  Routes(Engine& engine, std::string admin_key)
      : engine_(engine), admin_key_(std::move(admin_key)) {}

  // Any thread.
  Reply handle(const Request& request) const;

 private:
  bool authorized(const Request& request) const noexcept;
  Reply operational(const Request& request) const;
  Reply apps(const Request& request) const;
  Reply products(const Request& request) const;
  Reply messages(const Request& request) const;
  Reply list_messages(const Request& request) const;
  Reply list_deliveries(const Request& request) const;
  Reply list_attempts(const Request& request) const;

  Engine& engine_;
  const std::string admin_key_;
};

}  // namespace headrace::api
