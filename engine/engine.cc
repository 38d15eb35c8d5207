// SPDX-License-Identifier: Apache-2.0
#include "headrace/engine.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "core/check.h"
#include "core/clock.h"
#include "core/descriptors.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/random.h"
#include "core/secret_bytes.h"
#include "core/snapshot.h"
#include "dispatch/address_filter.h"
#include "dispatch/endpoint.h"
#include "dispatch/tls.h"
#include "engine/confirmer.h"
#include "engine/dead_letters.h"
#include "engine/endpoint_watch.h"
#include "engine/engine_opener.h"
#include "engine/history.h"
#include "engine/jobs.h"
#include "engine/name_look_up.h"
#include "engine/registrar.h"
#include "engine/registry.h"
#include "engine/units.h"
#include "engine/workspace_access.h"
#include "ingest/inbound.h"
#include "ingest/listener.h"
#include "store/memory_store.h"
#include "store/rocks_store.h"

namespace headrace {

namespace {

namespace limits = core::limits;

// Hands log lines to the host.
class HostLog final : public core::JsonLogSink {
 public:
  explicit HostLog(std::function<void(LogLevel, std::string_view)> log)
      : JsonLogSink(-1, core::LogLevel::kDebug), log_(std::move(log)) {}

 private:
  void write_line(core::LogLevel level, std::string_view line) noexcept override {
    if (log_) log_(static_cast<LogLevel>(level), line);
  }
  const std::function<void(LogLevel, std::string_view)> log_;
};
static_assert(static_cast<int>(LogLevel::kError) == static_cast<int>(core::LogLevel::kError));

// Of a machine's cores, each half of the work gets one; more cores are shared out evenly.
unsigned threads_for(unsigned asked, std::size_t at_most) noexcept {
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  const unsigned count = asked != 0 ? asked : std::max(1u, cores / 2);
  return std::min(count, static_cast<unsigned>(at_most));
}

// Clients get at most half of the descriptors that the process may have: the other half is for the
// store and for deliveries.
std::size_t connections_for(std::size_t ingest_loops) noexcept {
  return core::descriptor_share(2, ingest_loops * limits::kConnectionsPerLoopMax);
}

// The store asks on its own thread only, and has what is in force at that moment.
store::LaneTermsOf lane_terms_from(const core::SnapshotCell<dispatch::EndpointTable>& endpoints) {
  auto table = std::make_shared<core::SnapshotReader<dispatch::EndpointTable>>(endpoints);
  return [table](store::EndpointNumber number) {
    const auto* const endpoint = table->get().find(number);
    return endpoint == nullptr ? store::LaneTerms{} : (*endpoint)->lane_terms();
  };
}

Result<std::unique_ptr<store::EventStore>> open_store(const EngineConfig& config,
                                                      const engine::EngineSeams& seams,
                                                      const core::Clock& clock,
                                                      core::LogSink& log) {
  store::StoreOptions options;
  options.directory = config.data_directory;
  options.durability =
      config.durability == Durability::kFsync ? store::Durability::kFsync : store::Durability::kOs;
  options.retention_ms = static_cast<std::uint64_t>(config.retention.count());
  options.disk_reserve_bytes = config.disk_reserve_bytes;
  options.disk_budget_bytes = config.disk_budget_bytes;
  options.dedupe_window_ms = static_cast<std::uint64_t>(config.dedupe_window.count());
  if (seams.open_store) return seams.open_store(options, clock, log);
  if (config.data_directory.empty()) {
    return std::unique_ptr<store::EventStore>(
        std::make_unique<store::MemoryStore>(options, clock, core::random_seed()));
  }
  namespace fs = std::filesystem;
  std::error_code failed;
  // Messages carry what providers consider private: a directory that we make is its owner's alone.
  if (fs::create_directories(config.data_directory, failed)) {
    fs::permissions(config.data_directory, fs::perms::owner_all, failed);
  }
  if (failed) {
    return Error{ErrorCode::kStorageFailed,
                 "cannot make " + config.data_directory + ": " + failed.message(), failed.value()};
  }
  return store::RocksStore::open(options, clock, core::random_seed(), log);
}

// Given, in the data directory, or of this engine alone. The texts that were given are wiped.
engine::MasterKeySource master_key_source(const EngineConfig& config, std::string& given,
                                          std::string& previous) {
  return [&config, &given, &previous](bool something_is_sealed) -> Result<engine::MasterKey> {
    if (given.empty() && config.data_directory.empty()) return engine::MasterKey::ephemeral();
    if (given.empty())
      return engine::MasterKey::in_directory(config.data_directory, !something_is_sealed);
    auto key = engine::MasterKey::given(given, previous);
    core::wipe(given.data(), given.size());
    core::wipe(previous.data(), previous.size());
    return key;
  };
}

// Who hears of what: calls of the engine's own, and endpoints that give cause.
class Listeners final : public store::OutcomeListener {
 public:
  Listeners(engine::Registrar& registrar, engine::EndpointWatch& watch) noexcept
      : registrar_(registrar), watch_(watch) {}

 private:
  void on_outcome(const store::Outcome& outcome) noexcept override {
    registrar_.on_outcome(outcome);
  }
  void on_gone(const store::Outcome& outcome) noexcept override { watch_.on_gone(outcome); }
  void on_failing(const store::Failing& failing) noexcept override { watch_.on_failing(failing); }
  void on_breaker(const store::Outcome& outcome) noexcept override { watch_.on_breaker(outcome); }

  engine::Registrar& registrar_;
  engine::EndpointWatch& watch_;
};

// Tells the host what became of its message: once, also when the engine goes before it came to it.
class SubmitReply {
 public:
  explicit SubmitReply(std::function<void(SubmitStatus, MessageId)> done)
      : done_(std::move(done)) {}
  SubmitReply(const SubmitReply&) = delete;
  ~SubmitReply() { tell(SubmitStatus::kUnavailable, {}); }
  void tell(SubmitStatus status, MessageId id) {
    if (const auto done = std::exchange(done_, nullptr)) done(status, id);
  }

 private:
  std::function<void(SubmitStatus, MessageId)> done_;
};

}  // namespace

class Engine::Impl final : public engine::WorkspaceAccess {
 public:
  Impl(EngineConfig config, Dependencies dependencies, engine::EngineSeams seams)
      : config_(std::move(config)),
        seams_(std::move(seams)),
        secrets_(std::move(dependencies.secret)),
        master_key_(std::move(dependencies.master_key)),
        previous_master_key_(std::move(dependencies.previous_master_key)),
        log_(std::move(dependencies.log)),
        store_unit_(clock_),
        jobs_unit_(clock_, store_unit_) {}
  ~Impl() {
    close();
    // They hold ways into the mailboxes of units that are destroyed before the store's.
    store_unit_.committer.reset();
    submit_unit_.submitter.reset();
  }

  Result<void> open();
  void close();
  bool ready() const noexcept {
    return open_.load(std::memory_order_acquire) && store_unit_.committer->healthy();
  }
  std::string ingest_address() const { return ingest_address_; }
  Result<void> reload_certificates() { return inbound_->reload_certificates(); }
  void submit(const Submission& submission, std::function<void(SubmitStatus, MessageId)> done);
  Result<void> keep_from_endpoints(std::string_view text);
  std::string metrics() const { return metrics_.prometheus(); }
  engine::Registry& registry() noexcept override { return *registry_; }
  const engine::History& history() const noexcept override { return *history_; }
  engine::Registrar& registrar() noexcept override { return *registrar_; }
  engine::Jobs& jobs() noexcept override { return *jobs_unit_.jobs; }
  const engine::DeadLetters& dead_letters() const noexcept override { return *dead_letters_; }
  ingest::Submitter* submitter() noexcept override {
    return open_.load(std::memory_order_acquire) ? submit_unit_.submitter.get() : nullptr;
  }
  void post_to_store(std::function<void(store::Committer&)> task) override {
    store_unit_.thread.loop().post(
        [this, task = std::move(task)] { task(*store_unit_.committer); });
  }

 private:
  Result<void> load_registry();
  Result<std::vector<ingest::BoundSocket>> bind(std::size_t count);
  void make_units(std::size_t ingest_loops);
  void make_watch();
  Result<void> make_shards();
  Result<void> start(std::vector<ingest::BoundSocket> sockets);
  void stop_threads();
  void drain_ingest();
  std::shared_ptr<engine::Countdown> drain_shards();

  const EngineConfig config_;
  const engine::EngineSeams seams_;
  const engine::SecretSource secrets_;
  std::string master_key_, previous_master_key_;  // until the registry is loaded
  const core::SystemClock system_clock_;
  const core::Clock& clock_{seams_.clock != nullptr ? *seams_.clock : system_clock_};
  HostLog log_;
  std::string ingest_address_;
  std::unique_ptr<store::EventStore> store_;
  std::unique_ptr<engine::Registry> registry_;
  std::unique_ptr<engine::History> history_;
  std::unique_ptr<engine::DeadLetters> dead_letters_;
  std::unique_ptr<engine::Registrar> registrar_;
  std::unique_ptr<engine::EndpointWatch> watch_;
  std::unique_ptr<Listeners> listeners_;
  std::unique_ptr<dispatch::TlsContext> tls_;
  std::unique_ptr<dispatch::AddressFilter> addresses_;
  engine::NameLookUp names_{clock_};
  std::unique_ptr<ingest::Inbound> inbound_;
  std::unique_ptr<engine::Confirmer> confirmer_;
  engine::StoreUnit store_unit_;
  engine::JobsUnit jobs_unit_;
  engine::SubmitUnit submit_unit_;
  std::vector<std::unique_ptr<engine::ShardUnit>> shards_;
  std::vector<std::unique_ptr<engine::IngestUnit>> ingest_;
  core::MetricsRegistry metrics_;
  std::atomic<bool> open_{false};
  std::mutex close_mutex_;  // whoever closes second waits for the first
  bool started_ = false;
  bool listening_ = false;
};

Result<void> Engine::Impl::open() {
  auto store = open_store(config_, seams_, clock_, log_);
  if (!store) return std::move(store).error();
  store_ = std::move(*store);
  auto rules = dispatch::AddressFilter::parse(config_.endpoint_allow);
  if (!rules) return std::move(rules).error();
  addresses_ = std::make_unique<dispatch::AddressFilter>(*std::move(rules));
  if (auto loaded = load_registry(); !loaded) return loaded;
  history_ = std::make_unique<engine::History>(*store_, *registry_);
  dead_letters_ = std::make_unique<engine::DeadLetters>(*store_, *registry_);
  registrar_ = std::make_unique<engine::Registrar>(*registry_, *store_, clock_, log_);
  jobs_unit_.jobs = std::make_unique<engine::Jobs>(
      jobs_unit_.thread.loop(), *store_,
      engine::JobSources{*store_, *registry_, *history_, *dead_letters_}, jobs_unit_.redelivery,
      log_, config_.retention);
  if (auto loaded = jobs_unit_.jobs->load(); !loaded) return loaded;
  auto tls =
      dispatch::TlsContext::make(dispatch::TlsOptions{.extra_roots_file = config_.tls_ca_file});
  if (!tls) return std::move(tls).error();
  tls_ = std::move(*tls);

  const std::size_t ingest_loops = threads_for(config_.ingest_loops, limits::kIngestLoopsMax);
  auto inbound = ingest::Inbound::make(config_.inbound, connections_for(ingest_loops));
  if (!inbound) return std::move(inbound).error();
  inbound_ = std::move(*inbound);
  auto sockets = bind(ingest_loops);
  if (!sockets) return std::move(sockets).error();
  if (config_.public_url.empty() && listening_)
    registry_->set_public_url((inbound_->speaks_tls() ? "https://" : "http://") + ingest_address_);
  confirmer_ = std::make_unique<engine::Confirmer>(
      engine::https_fetch(*addresses_, config_.tls_ca_file,
                          [this](const std::string& host) {
                            const auto found = names_.look_up(std::span(&host, 1));
                            return found.empty() ? dispatch::Addresses() : found[0];
                          }),
      log_);
  make_units(ingest_loops);
  make_watch();
  if (auto made = make_shards(); !made) return made;
  if (auto running = start(std::move(*sockets)); !running) return running;
  open_.store(true, std::memory_order_release);
  return {};
}

Result<void> Engine::Impl::load_registry() {
  engine::RegistryOptions options{
      .public_url = config_.public_url,
      .secrets = secrets_,
      .retention = config_.retention,
      .targets = {addresses_.get(), config_.plain_http_endpoints,
                  [this](std::span<const std::string> hosts) { return names_.look_up(hosts); }},
      .master_key = master_key_source(config_, master_key_, previous_master_key_)};
  options.dedupe_window = config_.dedupe_window;
  options.log = &log_;
  options.audit.retention = config_.audit_retention;
  if (config_.data_directory.empty()) options.audit.entries_max = limits::kAuditEntriesInMemoryMax;
  auto registry = engine::Registry::load(*store_, clock_, std::move(options));
  if (!registry) return std::move(registry).error();
  registry_ = std::move(*registry);
  return {};
}

// One socket a loop, on one address; the first one settles the port.
Result<std::vector<ingest::BoundSocket>> Engine::Impl::bind(std::size_t count) {
  std::vector<ingest::BoundSocket> sockets;
  if (config_.listen.empty()) return sockets;
  auto address = ingest::ListenAddress::parse(config_.listen);
  if (!address) return std::move(address).error();
  for (std::size_t i = 0; i < count; ++i) {
    auto socket = ingest::BoundSocket::bind(*address);
    if (!socket) return std::move(socket).error();
    if (i == 0) *address = socket->address();
    sockets.push_back(std::move(*socket));
  }
  ingest_address_ = address->to_string();
  listening_ = true;
  if (auto kept = keep_from_endpoints(ingest_address_); !kept) return std::move(kept).error();
  return sockets;
}

Result<void> Engine::Impl::keep_from_endpoints(std::string_view text) {
  const auto address = ingest::ListenAddress::parse(text);
  if (!address) return address.error();
  const auto host = core::IpAddress::from(reinterpret_cast<const sockaddr&>(address->address));
  HEADRACE_CHECK(host.has_value());
  // The port is at the same place in both families.
  const auto port = reinterpret_cast<const sockaddr_in&>(address->address).sin_port;
  return addresses_->add_listener(*host, ntohs(port));
}

void Engine::Impl::make_units(std::size_t ingest_loops) {
  const auto ports = [this, ingest_loops](std::size_t origin,
                                          core::Mailbox<store::Answer>& answers) {
    return ingest::Receiver::Ports{.origin = static_cast<std::uint16_t>(origin),
                                   .intakes = store_unit_.intakes,
                                   .answers = answers,
                                   .routes = registry_->routes(),
                                   .dedupe_seed = registry_->dedupe_seed(),
                                   .server = inbound_->options(ingest_loops, &log_),
                                   .public_url = registry_->public_url(),
                                   .confirm = confirmer_->port()};
  };
  for (std::size_t i = 0; i < ingest_loops; ++i) {
    auto& unit = *ingest_.emplace_back(std::make_unique<engine::IngestUnit>(clock_, i));
    unit.receiver = std::make_unique<ingest::Receiver>(unit.thread.loop(), ports(i, unit.answers));
    register_metrics(metrics_, unit);
  }
  submit_unit_.submitter = std::make_unique<ingest::Submitter>(
      ingest_.front()->thread.loop(), ports(ingest_loops, submit_unit_.answers));
}

void Engine::Impl::make_watch() {
  const auto submit = [this](engine::SystemMessage message, std::function<void(bool)> stored) {
    ingest::Submitter::Message system{.token = std::move(message.link_token),
                                      .body = std::move(message.body),
                                      .content_type = "application/json"};
    system.pinned = message.event;
    submit_unit_.submitter->submit(std::move(system), [stored](Result<store::Answer> answer) {
      stored(answer && answer->acceptance == store::Acceptance::kStored);
    });
  };
  const auto extend = [this](const store::Failing& told, const engine::FailingPast& past) {
    post_to_store([told, past](store::Committer& committer) {
      committer.extend_failing(told.endpoint, told.since, past.since, past.failures);
    });
  };
  watch_ = std::make_unique<engine::EndpointWatch>(
      engine::EndpointWatch::Links{*registry_, *store_, log_, submit, extend}, clock_);
  listeners_ = std::make_unique<Listeners>(*registrar_, *watch_);
  register_metrics(metrics_, *watch_);
  registry_->set_gate([this](core::EndpointNumber endpoint, bool held) {
    post_to_store([endpoint, held](store::Committer& committer) {
      held ? committer.hold(endpoint) : committer.release(endpoint);
    });
  });
}

Result<void> Engine::Impl::make_shards() {
  const unsigned count = threads_for(config_.shards, limits::kShardsMax);
  for (std::size_t i = 0; i < count; ++i) {
    auto& unit = *shards_.emplace_back(std::make_unique<engine::ShardUnit>(clock_, i));
    auto resolver =
        dispatch::CaresResolver::make(unit.thread.loop(), {.servers = config_.dns_servers});
    if (!resolver) return std::move(resolver).error();
    unit.resolver = std::move(*resolver);
    unit.shard = std::make_unique<dispatch::Shard>(
        unit.thread.loop(),
        dispatch::ShardLinks{.deliveries = unit.deliveries,
                             .outcomes = store_unit_.outcomes,
                             .endpoints = registry_->endpoint_table(),
                             .resolver = *unit.resolver,
                             .answers = unit.answers,
                             .log = log_,
                             .tls = tls_.get()},
        dispatch::ShardOptions{
            .drain_grace = config_.drain_grace,
            .seed = core::random_seed(),
            .allowed = [filter = addresses_.get()](
                           const dispatch::Url& url,
                           const sockaddr& address) { return filter->allows(url, address); },
            .plain_http = config_.plain_http_endpoints});
    register_metrics(metrics_, unit);
  }
  store::Committer::Ports ports{
      store_unit_.intakes, store_unit_.outcomes, {}, {}, listeners_.get()};
  for (auto& unit : ingest_) ports.origins.push_back(&unit->answers);
  ports.origins.push_back(&submit_unit_.answers);
  for (auto& unit : shards_) ports.shards.push_back(&unit->deliveries);
  ports.terms = lane_terms_from(registry_->endpoint_table());
  ports.pause = &store::pause_thread;
  ports.outcomes_wait = core::limits::kOutcomesWaitMs;
  store_unit_.committer = std::make_unique<store::Committer>(store_unit_.thread.loop(), *store_,
                                                             std::move(ports), log_);
  register_metrics(metrics_, store_unit_);
  return {};
}

// In this order nobody is sent mail whose mailbox is not open yet.
Result<void> Engine::Impl::start(std::vector<ingest::BoundSocket> sockets) {
  if (auto names = names_.start(config_.dns_servers); !names) return names;
  started_ = true;
  for (auto& unit : shards_) {
    unit->thread.start();
    unit->thread.run_and_wait([&unit] { unit->shard->start(); });
  }
  for (auto& unit : ingest_) unit->thread.start();
  ingest_.front()->thread.run_and_wait([this] { submit_unit_.submitter->start(); });
  watch_->start();
  confirmer_->start();
  Result<void> running;
  store_unit_.thread.start();
  store_unit_.thread.run_and_wait([&] {
    for (const auto endpoint : registry_->held_endpoints()) store_unit_.committer->hold(endpoint);
    running = store_unit_.committer->start();
  });
  registrar_->start(*submit_unit_.submitter);
  jobs_unit_.thread.start();
  jobs_unit_.thread.run_and_wait([this] { jobs_unit_.jobs->start(); });
  for (std::size_t i = 0; running && i < sockets.size(); ++i) {
    ingest_[i]->thread.run_and_wait(
        [&] { running = ingest_[i]->receiver->start(std::move(sockets[i])); });
  }
  return running;
}

void Engine::Impl::close() {
  const std::lock_guard lock(close_mutex_);
  if (!started_) return;
  const bool was_open = open_.exchange(false);
  names_.stop();
  registrar_->release();
  jobs_unit_.thread.run_and_wait([this] { jobs_unit_.jobs->stop(); });
  // Both at once, so that all of it takes one grace. What is accepted meanwhile is parked.
  store_unit_.thread.run_and_wait([this] { store_unit_.committer->stop_hand_over(); });
  const auto shards_drained = drain_shards();
  if (was_open && listening_) drain_ingest();
  shards_drained->wait();
  stop_threads();
  started_ = false;
}

void Engine::Impl::drain_ingest() {
  auto drained = std::make_shared<engine::Countdown>(ingest_.size());
  for (auto& unit : ingest_) {
    unit->thread.loop().post(
        [&unit, drained] { unit->receiver->drain(engine::Countdown::counter(drained)); });
  }
  (void)drained->wait_for(config_.drain_grace);  // a client that keeps on is cut off
}

std::shared_ptr<engine::Countdown> Engine::Impl::drain_shards() {
  auto drained = std::make_shared<engine::Countdown>(shards_.size());
  for (auto& unit : shards_) {
    unit->thread.loop().post(
        [&unit, drained] { unit->shard->drain(engine::Countdown::counter(drained)); });
  }
  return drained;
}

// What produces is stopped before what consumes.
void Engine::Impl::stop_threads() {
  auto stopped = std::make_shared<engine::Countdown>(ingest_.size() + 2 * shards_.size());
  ingest_.front()->thread.run_and_wait([this] { submit_unit_.submitter->stop(); });
  for (auto& unit : ingest_) {
    unit->thread.loop().post(
        [&unit, stopped] { unit->receiver->stop(engine::Countdown::counter(stopped)); });
  }
  for (auto& unit : shards_) {
    unit->thread.loop().post([&unit, stopped] {
      unit->shard->stop([&unit, stopped] {
        stopped->done();
        unit->resolver->stop(engine::Countdown::counter(stopped));
      });
    });
  }
  stopped->wait();
  store_unit_.thread.run_and_wait([this] { store_unit_.committer->stop(); });
  registrar_->stop();  // behind the last outcome
  jobs_unit_.thread.stop();
  watch_->stop();
  confirmer_->stop();
  for (auto& unit : ingest_) unit->thread.stop();
  for (auto& unit : shards_) unit->thread.stop();
  store_unit_.thread.stop();
}

void Engine::Impl::submit(const Submission& submission,
                          std::function<void(SubmitStatus, MessageId)> done) {
  const auto reply = std::make_shared<SubmitReply>(std::move(done));
  if (!open_.load(std::memory_order_acquire)) return;
  ingest::Submitter::Message message{
      std::string(submission.link_token), std::string(submission.body),
      std::string(submission.content_type), std::string(submission.query),
      std::string(submission.header_lines)};
  submit_unit_.submitter->submit(std::move(message), [reply](Result<store::Answer> answer) {
    if (!answer) {
      const bool later = is_retryable(answer.error().code);
      return reply->tell(later ? SubmitStatus::kUnavailable : SubmitStatus::kRefused, {});
    }
    switch (answer->acceptance) {
      case store::Acceptance::kStored:
        return reply->tell(SubmitStatus::kStored, answer->id);
      case store::Acceptance::kDuplicate:
        return reply->tell(SubmitStatus::kDuplicate, answer->id);
      default:
        return reply->tell(SubmitStatus::kUnavailable, {});
    }
  });
}

// --- The facade
// -------------------------------------------------------------------------------------------------------------

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::open(EngineConfig config, Dependencies dependencies) {
  return engine::EngineOpener::open(std::move(config), std::move(dependencies), {});
}

Result<std::unique_ptr<Engine>> engine::EngineOpener::open(EngineConfig config,
                                                           Dependencies dependencies,
                                                           EngineSeams seams) {
  auto impl =
      std::make_unique<Engine::Impl>(std::move(config), std::move(dependencies), std::move(seams));
  if (auto opened = impl->open(); !opened) return std::move(opened).error();
  return std::unique_ptr<Engine>(new Engine(std::move(impl)));
}

std::string Engine::ingest_address() const { return impl_->ingest_address(); }
Result<void> Engine::keep_from_endpoints(std::string_view address) {
  return impl_->keep_from_endpoints(address);
}
Result<void> Engine::reload_certificates() { return impl_->reload_certificates(); }
void Engine::close() { impl_->close(); }
bool Engine::ready() const noexcept { return impl_->ready(); }
std::string Engine::metrics() const { return impl_->metrics(); }

void Engine::submit(const Submission& submission,
                    std::function<void(SubmitStatus, MessageId)> done) {
  impl_->submit(submission, std::move(done));
}

Result<Workspace> Engine::workspace(std::string_view tag) {
  auto there = impl_->registry().workspace(tag);
  if (!there) return std::move(there).error();
  return Workspace(*impl_, std::string(tag));
}
Result<WorkspaceInfo> Engine::create_workspace(std::string_view tag, std::string_view name) {
  return impl_->registry().create_workspace(tag, name);
}
Result<Page<WorkspaceInfo>> Engine::workspaces(const PageRequest& page) const {
  return impl_->registry().workspaces(page);
}
Result<WorkspaceInfo> Engine::workspace_info(std::string_view tag) const {
  return impl_->registry().workspace(tag);
}
Result<void> Engine::delete_workspace(std::string_view tag, const ChangeOptions& options) {
  auto deleted = impl_->registry().delete_workspace(tag, options);
  return deleted ? impl_->jobs().forget_workspace(tag) : std::move(deleted);
}
Result<Page<AuditEntry>> Engine::audit(std::string_view workspace,
                                       const AuditFilter& filter) const {
  return impl_->registry().audit_book().list(workspace, {}, filter);
}
Result<void> Engine::rotate_master_key() { return impl_->registry().rotate_master_key(); }
Result<Caller> Engine::authenticate(std::string_view secret) {
  return impl_->registry().authenticate(secret);
}

std::string_view version() noexcept { return HEADRACE_VERSION; }

}  // namespace headrace
