// SPDX-License-Identifier: Apache-2.0
// The whole engine as an object: durable webhooks in, deliveries out. Start here.
//
//   auto engine = headrace::Engine::open({.data_directory = "/var/lib/headrace", .listen =
//   "0.0.0.0:8080"});
//   auto workspace = (*engine)->workspace("default");
//   workspace->create_webhook("github", {.tag = "repo", .name = "Repositories",
//                                        .envs = {{.slug = "prd"}}});
//
// Threads: every method from any thread, unless it says otherwise; none is called on the engine's
// own loops. Ownership: the engine owns its threads, sockets and files; nothing is shared between
// two engines of a process. It does not throw, print, exit, install signal handlers or keep
// globals.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/id.h"
#include "headrace/registry.h"
#include "headrace/result.h"
#include "headrace/workspace.h"

namespace headrace {

namespace engine {
class EngineOpener;
}

enum class Durability : std::uint8_t {
  kFsync,  // an accepted message survives a power cut
  kOs,     // it survives a crash of the process, not of the machine
};

// Who may connect to links (or, given to an API server, to the API), how, and how much of it. Lists
// of addresses are blocks (CIDR) separated by commas.
struct InboundConfig {
  // PEM files: the certificate (then those that lead to its root) and its key; empty: plain HTTP.
  std::string tls_certificate;
  std::string tls_key;
  std::string tls_client_ca;    // clients must show a certificate from it; empty: none is asked for
  std::string proxy_protocol;   // peers whose connections begin with a PROXY header (v1 or v2)
  std::string trusted_proxies;  // peers that are believed in `client_address_header`
  std::string client_address_header = "x-forwarded-for";  // or "forwarded"
  std::size_t connections_max = 0;                        // 0: by the number of file descriptors
  std::size_t connections_per_client_max = 0;  // an IPv4 address or IPv6 /64; 0: a quarter of all
  std::uint64_t requests_per_connection_max = 100'000;                // 0: any
  std::chrono::milliseconds head_timeout = std::chrono::seconds(10);  // TLS handshakes, too
  std::chrono::milliseconds body_timeout = std::chrono::seconds(30);
  std::chrono::milliseconds idle_timeout = std::chrono::seconds(75);
  std::uint64_t body_rate_min = 1024;  // bytes a second, after 5 s; 0: any
};

struct EngineConfig {
  std::string
      data_directory;  // made if it is not there; empty: everything in memory, nothing durable
  Durability durability = Durability::kFsync;
  std::string listen;  // "HOST:PORT" for links, port 0: any; empty: submit() only
  // What links begin with; empty: https:// (http:// without a certificate) and the address listened
  // on.
  std::string public_url;
  unsigned ingest_loops = 0;  // 0: by the number of cores
  unsigned shards = 0;        // dispatch loops; 0: by the number of cores
  std::chrono::milliseconds retention = std::chrono::hours(24 * 30);
  // Messages are refused (503) while less than this is free on the disk of the data directory, or
  // while the data directory takes more than its budget; deliveries go on. 0: none.
  std::uint64_t disk_reserve_bytes = std::uint64_t{1} << 30;
  std::uint64_t disk_budget_bytes = 0;
  std::chrono::milliseconds dedupe_window = std::chrono::hours(24);
  std::chrono::milliseconds drain_grace =
      std::chrono::seconds(15);  // for attempts in flight when closing
  std::chrono::milliseconds audit_retention =
      std::chrono::hours(24 * 400);  // how long it is known who changed what
  std::string
      tls_ca_file;  // further trusted certificates for https endpoints (PEM); empty: the system's
  // Where endpoints may lie beyond the addresses that everybody on the internet reaches:
  // "10.0.0.0/8", "hooks.internal", "*.corp.example", each with or without a port behind it. See
  // docs/outbound.md.
  std::vector<std::string> endpoint_allow;
  bool plain_http_endpoints = false;  // else only https:// is sent to
  std::string dns_servers;  // "10.0.0.1:53,[::1]:5353", for endpoints; empty: the system's
  InboundConfig inbound;
};

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };

struct Dependencies {
  // Receives what the engine has to say, as one line of JSON with "ts", "level", "event", "message"
  // and further members. Called from any of the engine's threads, one call at a time. Empty:
  // nothing is said.
  std::function<void(LogLevel, std::string_view line)> log;

  // The value of a secret that definitions name as $Secret{NAME} and that was not put into the
  // workspace. Called from any thread; must not block for long. Empty, or no value: there is no
  // such secret.
  std::function<std::optional<std::string>(std::string_view workspace, std::string_view name)>
      secret;

  // The key under which secrets are sealed in the data directory: 32 bytes, as base64 or hex.
  // Empty: the file `master.key` there, which is made at the first start. Where there is no data
  // directory, one of this engine's own. `previous_master_key` is the one before, at a start that
  // changes to `master_key`. Both texts are wiped.
  std::string master_key, previous_master_key;
};

// A message handed in by the host process. All views must stay valid until submit() returns.
struct Submission {
  std::string_view link_token;  // the last part of the link
  std::string_view body;
  std::string_view content_type;  // decides how the body is looked into; empty: tried as JSON
  std::string_view query;         // without '?'
  std::string_view header_lines;  // "Name: value\r\n" each; passed on to the receivers
};

enum class SubmitStatus : std::uint8_t {
  kStored,
  kDuplicate,    // seen within the window; `id` is the first one's
  kRefused,      // malformed body, unknown link, or not proved to be the provider's
  kUnavailable,  // overloaded, disk full or closing; may be tried again
};

class Engine {
 public:
  // Opens the data directory (replaying what the last run left), starts the threads, listens.
  // kCorrupted: the message log is damaged, see repair(); or a sealed value or the file of the
  // master key is not what was written. kConnectFailed: the address cannot be listened on.
  // kInvalidArgument: the configuration. kUnauthorized: the master key is not the one that secrets
  // are sealed under; kNotFound: it is missing; kForbidden: others may read its file.
  static Result<std::unique_ptr<Engine>> open(EngineConfig config, Dependencies dependencies = {});
  ~Engine();  // closes, if close() was not called
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // The address that links are served on ("127.0.0.1:41873"); empty without a listener.
  std::string ingest_address() const;

  // Endpoints are never connected to there, as the host serves something of its own on it.
  // "HOST:PORT", a wildcard host means every address of the machine; the engine's own listener is
  // known. kInvalidArgument: it is no address. kTooLarge: there are 16 already.
  Result<void> keep_from_endpoints(std::string_view address);

  // Reads the files of the certificate again: new connections get what they say now, those that are
  // there go on. On an error everything stays as it was. No effect without TLS.
  Result<void> reload_certificates();

  // Takes no new messages (links answer 503), finishes or parks what is in flight, makes everything
  // durable and stops all threads. Blocks up to the drain grace. The engine can do nothing
  // afterwards.
  void close();
  // Whether messages are taken: the store works and nobody is closing.
  bool ready() const noexcept;

  // Hands in a message. `done` is called once, when it is durable or refused: from an engine
  // thread, or from this one when the engine is closed. It must not block. Never blocks itself.
  void submit(const Submission& submission, std::function<void(SubmitStatus, MessageId)> done);

  // --- Workspaces: the tenants ---------------------------------------------------------------

  // What is registered and what happened is a workspace's; "default" is always there. kNotFound:
  // there is none of that tag.
  Result<Workspace> workspace(std::string_view tag);
  // kConflict: the tag is taken.
  Result<WorkspaceInfo> create_workspace(std::string_view tag, std::string_view name);
  Result<Page<WorkspaceInfo>> workspaces(const PageRequest& page = {}) const;
  Result<WorkspaceInfo> workspace_info(std::string_view tag) const;
  // kConflict with what is in it, unless it cascades; then its keys go, too. kInvalidArgument:
  // "default".
  Result<void> delete_workspace(std::string_view tag, const ChangeOptions& options = {});
  // Seals all secrets anew, under a new master key. kPrecondition: the key was given as
  // Dependencies::master_key. After another error the one before still opens, and a repeat goes on.
  Result<void> rotate_master_key();
  // Who a key speaks for. kUnauthorized: it is unknown, expired or revoked.
  Result<Caller> authenticate(std::string_view secret);

  // What was changed in a workspace, as Workspace::audit(); also in one that was deleted, and in
  // those that had its name before. Who changes things is said by ActingAs (headrace/audit.h).
  Result<Page<AuditEntry>> audit(std::string_view workspace, const AuditFilter& filter = {}) const;

  // All counters, in Prometheus's text format.
  std::string metrics() const;

 private:
  friend class engine::EngineOpener;  // opens it on what tests replace
  class Impl;
  explicit Engine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Cuts the damaged part out of a data directory that open() refused as kCorrupted. The report says,
// for people, which part of the log and how many messages are lost. Requires: no engine has it
// open.
Result<std::string> repair(const std::string& data_directory);

// "0.1.0"
std::string_view version() noexcept;

}  // namespace headrace
