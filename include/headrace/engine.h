// SPDX-License-Identifier: Apache-2.0
// The whole engine as an object: durable webhooks in, deliveries out. Start here.
//
//   auto engine = headrace::Engine::open({.data_directory = "/var/lib/headrace", .listen =
//   "0.0.0.0:8080"});
//   (*engine)->create_webhook("github", {.tag = "repo", .name = "Repositories", .envs = {{.slug =
//   "prd"}}});
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

namespace headrace {

enum class Durability : std::uint8_t {
  kFsync,  // an accepted message survives a power cut
  kOs,     // it survives a crash of the process, not of the machine
};

struct EngineConfig {
  std::string
      data_directory;  // made if it is not there; empty: everything in memory, nothing durable
  Durability durability = Durability::kFsync;
  std::string listen;         // "HOST:PORT" for links, port 0: any; empty: submit() only
  std::string public_url;     // what links begin with; empty: http:// and the address listened on
  unsigned ingest_loops = 0;  // 0: by the number of cores
  unsigned shards = 0;        // dispatch loops; 0: by the number of cores
  std::chrono::milliseconds retention = std::chrono::hours(24 * 30);
  std::chrono::milliseconds dedupe_window = std::chrono::hours(24);
  std::chrono::milliseconds drain_grace =
      std::chrono::seconds(15);  // for attempts in flight when closing
  std::string
      tls_ca_file;  // further trusted certificates for https endpoints (PEM); empty: the system's
};

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };

struct Dependencies {
  // Receives what the engine has to say, as one line of JSON with "ts", "level", "event", "message"
  // and further members. Called from any of the engine's threads, one call at a time. Empty:
  // nothing is said.
  std::function<void(LogLevel, std::string_view line)> log;
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
  kRefused,      // malformed body or unknown link
  kUnavailable,  // overloaded, disk full or closing; may be tried again
};

class Engine {
 public:
  // Opens the data directory (replaying what the last run left), starts the threads, listens.
  // kCorrupted: the message log is damaged, see repair(). kConnectFailed: the address cannot be
  // listened on. kInvalidArgument: the configuration.
  static Result<std::unique_ptr<Engine>> open(EngineConfig config, Dependencies dependencies = {});
  ~Engine();  // closes, if close() was not called
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // The address that links are served on ("127.0.0.1:41873"); empty without a listener.
  std::string ingest_address() const;

  // Takes no new messages (links answer 503), finishes or parks what is in flight, makes everything
  // durable and stops all threads. Blocks up to the drain grace. The engine can do nothing
  // afterwards.
  void close();
  // Whether messages are taken: the store works and nobody is closing.
  bool ready() const noexcept;

  // Hands in a message. `done` is called once, when it is durable or refused: from an engine thread,
  // or from this one when the engine is closed. It must not block. Never blocks itself.
  void submit(const Submission& submission, std::function<void(SubmitStatus, MessageId)> done);

  // --- Registry. Every change is durable and in force when the call returns.
  // ----------------------------------------

  // kConflict: the tag is taken. kInvalidArgument: a tag, env or URL is not allowed.
  Result<Webhook> create_webhook(std::string_view app, const WebhookSpec& spec);
  Result<std::vector<Webhook>> webhooks(std::string_view app) const;
  // kNotFound: no such webhook. kMalformed: the selector, `detail` is the position of the fault.
  // kConflict: the tag is taken, or another event of the webhook has the same selector and value.
  Result<Event> create_event(std::string_view app, const EventSpec& spec);
  Result<std::vector<Event>> events(std::string_view app, std::string_view webhook) const;
  // The product's endpoint for that webhook and env, made or updated, and its link, made once.
  // kNotFound: no such app, webhook or env.
  Result<ProductLink> create_link(std::string_view product, const LinkSpec& spec);
  std::vector<Endpoint> endpoints() const;

  // --- What happened
  // ------------------------------------------------------------------------------------------------

  // Messages of a link, newest first, older than `before` (a zero id: from the newest). `count_max`
  // is at most 1000.
  Result<std::vector<Message>> messages(LinkId link, MessageId before, std::size_t count_max) const;
  Result<MessageDetail> message(MessageId id) const;
  Result<std::vector<Delivery>> deliveries(MessageId id) const;
  // In order of endpoint and attempt. A zero endpoint: of all.
  Result<std::vector<Attempt>> attempts(MessageId id, EndpointId endpoint) const;
  // Attempts at an endpoint, newest message first, of messages older than `before`.
  Result<std::vector<Attempt>> endpoint_attempts(EndpointId endpoint, MessageId before,
                                                 std::size_t count_max) const;

  // All counters, in Prometheus's text format.
  std::string metrics() const;

 private:
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
