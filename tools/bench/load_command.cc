// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/load_command.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>

#include "core/random.h"
#include "tools/bench/bench_command.h"
#include "tools/bench/load_report.h"
#include "tools/exit_code.h"
#include "tools/run_command.h"

namespace headrace::bench_tools {
namespace {

std::atomic<bool> stop_asked{false};
void on_signal(int) { stop_asked.store(true); }

// What is measured from outside begins when all is prepared and connected, and who measures is
// ready.
void say_ready_and_wait() {
  fmt::print("{{\"ready\":true}}\n");
  std::fflush(stdout);
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n') {
  }
}

Error invalid(std::string what) { return {ErrorCode::kInvalidArgument, std::move(what)}; }

int exit_code_of(const Error& error) noexcept {
  switch (error.code) {
    case ErrorCode::kConnectFailed:
    case ErrorCode::kResolveFailed:
    case ErrorCode::kTlsFailed:
      return tools::kNotReachable;
    case ErrorCode::kStorageFailed:
    case ErrorCode::kUnavailable:
      return tools::kFailed;
    default:
      return tools::kUsage;
  }
}

Result<Shape> parse_shape(std::string_view text) {
  for (const Shape shape : {Shape::kConstant, Shape::kRamp, Shape::kPoisson, Shape::kBursts}) {
    if (to_string(shape) == text) return shape;
  }
  return invalid("--arrivals must be constant, ramp, poisson, bursts or knee");
}

Result<std::uint64_t> parse_run(const std::string& text) {
  std::uint64_t run = 0;
  if (text.empty()) {
    while (run == 0) run = core::random_seed();
    return run;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), run, 16);
  if (error != std::errc() || end != text.data() + text.size() || run == 0)
    return invalid("--run must be up to 16 hex digits, and not 0");
  return run;
}

}  // namespace

Result<std::uint64_t> parse_duration(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  constexpr std::array<std::pair<std::string_view, std::uint64_t>, 4> kUnits = {
      {{"us", 1'000}, {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}}};
  for (const auto& [name, ns] : kUnits) {
    if (error == std::errc() && unit == name && number <= ArrivalOptions::kDurationMaxNs / ns)
      return number * ns;
  }
  return invalid("must be a time of at most a day, such as 200us, 50ms, 10s or 5m");
}

void add_time_flag(CLI::App& command, const char* name, std::uint64_t& ns, const char* help) {
  command
      .add_option_function<std::string>(
          name, [&ns](const std::string& text) { ns = *parse_duration(text); }, help)
      ->check([](const std::string& text) {
        const auto parsed = parse_duration(text);
        return parsed ? std::string() : parsed.error().what;
      })
      ->type_name("TIME");
}

LoadCommand::LoadCommand(CLI::App& command) : command_(command) {
  command_.add_option("URL", urls_, "http(s)://host[:port]/path; several of one server take turns");
  add_schedule();
  add_connections();
  add_payloads();
  add_messages();
  add_output();
}

void LoadCommand::add_text(const char* name, std::string& value, const char* type,
                           const char* help) {
  command_.add_option(name, value, help)->type_name(type);
}

void LoadCommand::add_share(const char* name, double& share, const char* help) {
  command_.add_option(name, share, help)->type_name("0…1");
}

void LoadCommand::add_schedule() {
  command_.add_option("--rate", options_.arrivals.per_second, "messages a second (1000)");
  add_text("--arrivals", shape_, "SHAPE", "constant, ramp, poisson, bursts, or knee: find it");
  command_.add_option("--rate-end", options_.arrivals.per_second_end, "of a ramp");
  command_.add_option("--burst", options_.arrivals.burst, "messages at once, of bursts (100)");
  add_time_flag(command_, "--duration", options_.arrivals.duration_ns,
                "of sending (10s); of a knee: a step's");
  add_time_flag(command_, "--warmup", options_.warmup_ns, "of it, what is not measured (0s)");
  command_.add_option("--messages", options_.messages_max, "at most so many (0: any number)");
  command_.add_option("--seed", messages_.seed, "what is sent when depends on it alone (1)");
  command_.add_flag("--hold", hold_,
                    "say {\"ready\":true} when connected, and begin at a line on standard input");
  command_.add_flag("--closed", options_.closed_loop,
                    "each connection sends when its last message was answered");
  add_time_flag(command_, "--batch", options_.batch_ns,
                "what is due within it may go together (200us)");
  command_.add_option("--lag-max", lag_max_percent_,
                      "percent of late messages from which on the run is invalid (1)");
  add_time_flag(command_, "--late", options_.late_ns,
                "how long after it was due a message is late (10ms)");
  add_time_flag(command_, "--knee-p99", knee_p99_ns_,
                "the latency from which on a rate is not carried (50ms)");
}

void LoadCommand::add_connections() {
  command_.add_option("--link", tokens_, "of a link of headrace, instead of a URL")
      ->type_name("TOKEN");
  add_text("--ingest", ingest_, "URL", "where links are (http://127.0.0.1:8080)");
  command_.add_option("--connections", options_.connections, "of all threads (64)");
  command_.add_option("--threads", options_.threads, "that send (1)");
  add_text("--tls-roots", tls_roots_, "FILE", "certificates to trust, beside the system's (PEM)");
  command_.add_flag("--tls-insecure", tls_unchecked_, "any certificate will do");
  command_.add_flag("--churn", options_.churn, "a connection for each message");
  command_.add_option("--slow", options_.slow.count,
                      "further ones that send a few bytes at a time, and are not measured (0)");
  command_.add_option("--slow-bytes", options_.slow.bytes, "that each of them sends at once (16)");
  add_time_flag(command_, "--slow-every", options_.slow.every_ns, "when it sends more (1s)");
  add_time_flag(command_, "--timeout", options_.timeout_ns, "for an answer (10s)");
  add_time_flag(command_, "--drain", options_.drain_ns, "for what is late at the end (10s)");
}

void LoadCommand::add_payloads() {
  add_text("--corpus", folder_, "FOLDER", "send its files");
  add_text("--github", github_, "FILE", "send the examples of @octokit/webhooks-examples");
  command_.add_option("--event", events_, "only these of --github")->type_name("NAME");
  add_text("--size", size_, "SIZE", "of made bodies: 7k, 1k-20k or lognormal:7k:1.2");
  command_.add_option("--nesting", generator_.nesting, "objects within each other (4)");
  add_share("--unicode", generator_.unicode, "of the characters, those beyond ASCII (0.05)");
  command_.add_option("--text", generator_.text_max, "characters of a text in them at most (30)");
  command_.add_option("--bodies", generator_.count, "different ones (64)");
}

void LoadCommand::add_messages() {
  add_text("--sign", provider_, "PROVIDER",
           "as github, stripe, slack, shopify or standard_webhooks");
  add_text("--secret-file", secret_file_, "FILE", "holds the secret to sign with");
  add_share("--duplicates", messages_.ratios.duplicates, "earlier messages once more");
  add_share("--bad-signatures", messages_.ratios.bad_signatures, "with a digit changed");
  add_share("--stale", messages_.ratios.stale, "signed an hour ago");
  add_share("--unknown-events", messages_.ratios.unknown_events, "of an event nobody defined");
  add_share("--malformed", messages_.ratios.malformed, "with JSON that ends in the middle");
  command_.add_option("--header", messages_.headers, "may be repeated")->type_name("NAME: VALUE");
  add_text("--content-type", messages_.content_type, "TYPE", "(application/json)");
  command_.add_flag("--id-in-body", messages_.id_in_body,
                    "name messages by a first member of their JSON, not by a header");
}

void LoadCommand::add_output() {
  add_text("--ledger", options_.ledger_directory, "FOLDER", "keep what was sent for verify");
  add_text("--run", run_, "HEX", "the name of the run in messages and ledger (random)");
  add_text("--percentiles", percentiles_file_, "FILE", "write the distribution of latencies");
  command_.add_flag("--json", json_, "the result for programs");
  command_.add_flag("--no-progress", no_progress_,
                    "no line of figures while it runs on a terminal");
  tools::add_expect(command_, expect_);
}

Result<Corpus> LoadCommand::corpus() const {
  if (!folder_.empty() && !github_.empty()) return invalid("--corpus and --github exclude another");
  if (!folder_.empty()) return read_folder(folder_);
  if (!github_.empty()) return read_github(github_, events_);
  GeneratorOptions generator = generator_;
  auto size = SizeDistribution::parse(size_);
  if (!size) return size.error();
  generator.size = *size;
  generator.seed = messages_.seed;
  return generate(generator);
}

Result<std::optional<Signer>> LoadCommand::signer() const {
  // Without its header, nobody could tell what event an example of GitHub is.
  const std::string name = provider_.empty() && !github_.empty() ? "github" : provider_;
  if (name.empty()) return std::optional<Signer>();
  const auto provider = parse_provider(name);
  if (!provider) return invalid("there is no way to sign as " + name);
  std::string secret;
  if (!secret_file_.empty()) {
    std::ifstream file(secret_file_, std::ios::binary);
    secret.assign(std::istreambuf_iterator<char>(file), {});
    while (secret.ends_with('\n') || secret.ends_with('\r')) secret.pop_back();
    if (secret.empty()) return invalid(secret_file_ + " holds no secret");
  }
  auto made = Signer::make(*provider, secret);
  if (!made) return made.error();
  return std::optional<Signer>(std::move(*made));
}

Result<std::vector<Link>> LoadCommand::aim() {
  std::vector<std::string> urls = urls_;
  for (const std::string& token : tokens_) urls.push_back(ingest_ + "/in/" + token);
  auto targets = parse_targets(urls);
  if (!targets) return targets.error();
  auto server = resolve(*targets);
  if (!server) return server.error();
  options_.server = *server;
  if (targets->is_tls) {
    auto tls = LoadTls::make({targets->host, tls_roots_, !tls_unchecked_});
    if (!tls) return tls.error();
    options_.tls = std::move(*tls);
  }
  return std::move(targets->links);
}

Result<int> LoadCommand::load() {
  const bool is_search = shape_ == "knee";
  if (is_search && options_.closed_loop) return invalid("a closed loop has no knee to find");
  if (!is_search) {
    auto shape = parse_shape(shape_);
    if (!shape) return shape.error();
    options_.arrivals.shape = *shape;
  }
  auto expectations =
      parse_expectations(expect_, is_search ? ResultKind::kKnee : ResultKind::kLoad);
  if (!expectations) return expectations.error();
  expectations_ = std::move(*expectations);
  auto run = parse_run(run_);
  if (!run) return run.error();
  options_.run = messages_.run = *run;
  options_.arrivals.seed = messages_.seed;
  options_.late_share_max = lag_max_percent_ / 100;
  messages_.close = options_.churn;
  if (auto checked = options_.check(); !checked) return checked.error();
  auto links = aim();
  if (!links) return links.error();
  messages_.links = std::move(*links);
  auto payloads = corpus();
  if (!payloads) return payloads.error();
  messages_.corpus = std::move(*payloads);
  auto signs = signer();
  if (!signs) return signs.error();
  messages_.signer = std::move(*signs);
  auto messages = Messages::make(std::move(messages_));
  if (!messages) return messages.error();
  return is_search ? search_knee(**messages) : measure(**messages);
}

Result<LoadResult> LoadCommand::run_watched(const Messages& messages) {
  TerminalLine line(!no_progress_);
  if (line.is_shown()) {
    // A number of messages ends a load before its time.
    const bool is_time_known = options_.messages_max == 0;
    const double total_s =
        is_time_known ? static_cast<double>(options_.arrivals.duration_ns) / 1e9 : 0;
    options_.live.show = [&line, total_s](const LivePoint& point) {
      line.show(live_line(point, total_s, line.columns()));
    };
  }
  auto result = run_load(options_, messages, stop_asked);
  options_.live.show = nullptr;
  return result;
}

Result<int> LoadCommand::measure(const Messages& messages) {
  if (hold_) options_.before_start = &say_ready_and_wait;
  auto result = run_watched(messages);
  if (!result) return result.error();
  if (auto written = write_percentiles(*result); !written) return written.error();
  return show(result->valid(), load_json(options_, *result), load_table(options_, *result));
}

// A run that is not valid says nothing of what was expected.
int LoadCommand::show(bool is_valid, const std::string& json, const std::string& table) const {
  fmt::print("{}", json_ ? json : table);
  if (!is_valid || expectations_.empty()) return is_valid ? tools::kOk : tools::kFailed;
  const auto result = tools::parse_json(json);
  if (!result) return tools::fail(tools::kFailed, result.error().what);
  return tools::exit_code_of(judge(*result, expectations_), tools::kOk);
}

// Late sending is a symptom here, not a fault of the run: beyond the knee it cannot be otherwise.
Result<int> LoadCommand::search_knee(const Messages& messages) {
  if (!options_.ledger_directory.empty()) return invalid("the search for a knee keeps no ledger");
  KneeSearch search({.per_second = options_.arrivals.per_second});
  std::vector<KneeStep> steps;
  while (!stop_asked.load()) {
    const auto rate = search.next();
    if (!rate) break;
    options_.arrivals.per_second = *rate;
    auto result = run_watched(messages);
    if (!result) return result.error();
    const bool carried = is_carried(*result);
    if (!stop_asked.load()) search.tell(carried);
    if (!json_) {
      fmt::print(stderr, "{:.0f}/s: {}\n", *rate, carried ? "carried" : "not carried");
    }
    steps.push_back({*rate, carried, std::move(*result)});
  }
  const double knee = search.knee();
  return show(knee > 0, knee_json(knee, steps), knee_table(knee, steps));
}

bool LoadCommand::is_carried(const LoadResult& result) const {
  constexpr double kAnsweredMin = 0.999;
  const double answered = static_cast<double>(result.measured_answered);
  return result.valid() && answered >= kAnsweredMin * static_cast<double>(result.measured_sent) &&
         result.statuses[429] == 0 && result.statuses[503] == 0 &&
         result.from_due.value_at(99) <= knee_p99_ns_;
}

Result<void> LoadCommand::write_percentiles(const LoadResult& result) const {
  if (percentiles_file_.empty()) return {};
  std::string text;
  core::Histogram::TextOptions in_us;
  in_us.unit = 1000;
  (options_.closed_loop ? result.from_sent : result.from_due).write_percentiles(text, in_us);
  std::ofstream file(percentiles_file_, std::ios::binary);
  file << text;
  file.close();
  if (file.fail())
    return Error{ErrorCode::kStorageFailed, percentiles_file_ + " cannot be written"};
  return {};
}

int LoadCommand::run() {
  struct sigaction action {};
  action.sa_handler = &on_signal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  auto code = load();
  if (code) return *code;
  fmt::print(stderr, "headrace: {}\n", code.error().what);
  return exit_code_of(code.error());
}

}  // namespace headrace::bench_tools

namespace headrace::tools {

void add_load_command(BenchCommands& commands) {
  const auto load = std::make_shared<std::optional<bench_tools::LoadCommand>>();
  load->emplace(commands.add(
      "load", "send messages at the times they are due, and measure what becomes of them",
      [load] { return (*load)->run(); }));
}

}  // namespace headrace::tools
