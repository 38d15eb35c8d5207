// SPDX-License-Identifier: Apache-2.0
// What the loops of a server have in common: who may connect, how, and how much of it.
//
// Threads: immutable, but for what its parts guard themselves. Must outlive the servers.
#pragma once

#include <cstddef>
#include <memory>

#include "headrace/engine.h"
#include "headrace/result.h"
#include "ingest/http_server.h"

namespace headrace::ingest {

class Inbound {
 public:
  // `connections_max`: of all loops together, unless the configuration says. kInvalidArgument: the
  // configuration, with what is wrong.
  static Result<std::unique_ptr<Inbound>> make(const InboundConfig& config,
                                               std::size_t connections_max);

  // Of one of `loops` servers.
  HttpServerOptions options(std::size_t loops, core::LogSink* log) noexcept;
  bool speaks_tls() const noexcept { return tls_ != nullptr; }
  // Any thread; as TlsServer::reload(). No effect without TLS.
  Result<void> reload_certificates();

 private:
  Inbound(const InboundConfig& config, std::size_t connections_max);

  const InboundConfig config_;
  const std::size_t connections_max_;
  ClientRules clients_;
  std::unique_ptr<TlsServer> tls_;
  PeerCounts peers_;
};

}  // namespace headrace::ingest
