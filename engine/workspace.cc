// SPDX-License-Identifier: Apache-2.0
// The handle of headrace/workspace.h: rules are the registry's, what happened is the history's.
#include "headrace/workspace.h"

#include <chrono>
#include <functional>
#include <future>
#include <memory>

#include "engine/faults.h"
#include "engine/workspace_access.h"

namespace headrace {

namespace {

constexpr std::chrono::milliseconds kLookAgain{100};
constexpr std::chrono::seconds kCloseGrace{2};

// False: the engine is closing, and will not come to it.
template <class Answer>
bool wait_for(engine::WorkspaceAccess& access, std::future<Answer>& answer) {
  while (answer.wait_for(kLookAgain) != std::future_status::ready) {
    if (access.submitter() == nullptr && answer.wait_for(kCloseGrace) != std::future_status::ready)
      return false;
  }
  return true;
}

// Asks on the store thread, and waits until `ask` has told the answer.
template <class Answer, class Ask>
Result<Answer> from_store(engine::WorkspaceAccess& access, Ask ask) {
  const Error closing{ErrorCode::kUnavailable, "the engine is closing", 0};
  if (access.submitter() == nullptr) return closing;
  auto told = std::make_shared<std::promise<Answer>>();
  auto answer = told->get_future();
  access.post_to_store([ask = std::move(ask), told](store::Committer& committer) {
    const std::function<void(Answer)> tell = [told](Answer one) {
      told->set_value(std::move(one));
    };
    ask(committer, tell);
  });
  if (!wait_for(access, answer)) return closing;
  return answer.get();
}

}  // namespace

// --- Keys

Result<NewKey> Workspace::create_key(const KeySpec& spec) {
  return access_->registry().create_key(tag_, spec);
}
Result<Page<Key>> Workspace::keys(const PageRequest& page) const {
  return access_->registry().keys(tag_, page);
}
Result<Key> Workspace::key(KeyId id) const { return access_->registry().key(tag_, id); }
Result<void> Workspace::revoke_key(KeyId id) { return access_->registry().revoke_key(tag_, id); }

// --- Apps, webhooks, events

Result<Page<App>> Workspace::apps(const PageRequest& page) const {
  return access_->registry().apps(tag_, page);
}
Result<App> Workspace::app(std::string_view tag) const {
  return access_->registry().app(tag_, tag);
}
Result<void> Workspace::delete_app(std::string_view tag, const ChangeOptions& options) {
  return access_->registry().delete_app(tag_, tag, options);
}
Result<Webhook> Workspace::create_webhook(std::string_view app, const WebhookSpec& spec) {
  return access_->registry().create_webhook(tag_, app, spec);
}
Result<Page<Webhook>> Workspace::webhooks(std::string_view app, const PageRequest& page) const {
  return access_->registry().webhooks(tag_, app, page);
}
Result<Webhook> Workspace::webhook(std::string_view app, std::string_view tag) const {
  return access_->registry().webhook(tag_, app, tag);
}
Result<Webhook> Workspace::update_webhook(std::string_view app, std::string_view tag,
                                          const WebhookPatch& patch, const ChangeOptions& options) {
  return access_->registry().update_webhook(tag_, app, tag, patch, options);
}
Result<void> Workspace::delete_webhook(std::string_view app, std::string_view tag,
                                       const ChangeOptions& options) {
  return access_->registry().delete_webhook(tag_, app, tag, options);
}
Result<void> Workspace::delete_webhook_env(std::string_view app, std::string_view tag,
                                           std::string_view env, const ChangeOptions& options) {
  return access_->registry().delete_webhook_env(tag_, app, tag, env, options);
}
Result<Event> Workspace::create_event(std::string_view app, const EventSpec& spec) {
  return access_->registry().create_event(tag_, app, spec);
}
Result<Page<Event>> Workspace::events(std::string_view app, std::string_view webhook,
                                      const PageRequest& page) const {
  return access_->registry().events(tag_, app, webhook, page);
}
Result<Event> Workspace::event(std::string_view app, std::string_view tag) const {
  return access_->registry().event(tag_, app, tag);
}
Result<Event> Workspace::update_event(std::string_view app, std::string_view tag,
                                      const EventPatch& patch, const ChangeOptions& options) {
  return access_->registry().update_event(tag_, app, tag, patch, options);
}
Result<void> Workspace::delete_event(std::string_view app, std::string_view tag,
                                     const ChangeOptions& options) {
  return access_->registry().delete_event(tag_, app, tag, options);
}

// --- Products, connections

Result<Page<Product>> Workspace::products(const PageRequest& page) const {
  return access_->registry().products(tag_, page);
}
Result<Product> Workspace::product(std::string_view tag) const {
  return access_->registry().product(tag_, tag);
}
Result<void> Workspace::delete_product(std::string_view tag, const ChangeOptions& options) {
  return access_->registry().delete_product(tag_, tag, options);
}
Result<Connection> Workspace::connect(std::string_view product, std::string_view access_tag,
                                      std::string_view app, const ChangeOptions& options) {
  return access_->registry().connect(tag_, product, access_tag, app, options);
}
Result<Page<Connection>> Workspace::connections(std::string_view product,
                                                const PageRequest& page) const {
  return access_->registry().connections(tag_, product, page);
}
Result<Connection> Workspace::connection(std::string_view product,
                                         std::string_view access_tag) const {
  return access_->registry().connection(tag_, product, access_tag);
}
Result<void> Workspace::disconnect(std::string_view product, std::string_view access_tag,
                                   const ChangeOptions& options) {
  return access_->registry().disconnect(tag_, product, access_tag, options);
}

// --- Registrations

Result<Registration> Workspace::enable(std::string_view product, const EnableSpec& spec) {
  auto calls = access_->registry().enable(tag_, product, spec);
  if (!calls) return std::move(calls).error();
  access_->registrar().hand_over(*calls);
  if (spec.wait.count() > 0) access_->registrar().wait_for(*calls, spec.wait);
  std::vector<std::string> slugs;
  for (const EnableEnvSpec& env : spec.envs) slugs.push_back(env.slug);
  return access_->registry().registration(tag_, product, spec.access_tag, spec.webhook, slugs);
}
Result<Registration> Workspace::disable(std::string_view product, const DisableSpec& spec) {
  auto disabled = access_->registry().disable(tag_, product, spec);
  if (!disabled) return std::move(disabled).error();
  access_->registrar().hand_over(disabled->calls);
  return access_->registry().registration(tag_, product, spec.access_tag, spec.webhook,
                                          disabled->slugs);
}
Result<Page<Registration>> Workspace::registrations(std::string_view product,
                                                    std::string_view access_tag,
                                                    const PageRequest& page) const {
  return access_->registry().registrations(tag_, product, access_tag, page);
}

// --- Endpoints and links

Result<Endpoint> Workspace::create_endpoint(std::string_view product, const EndpointSpec& spec) {
  return access_->registry().create_endpoint(tag_, product, spec);
}
Result<Page<Endpoint>> Workspace::endpoints(const LinkFilter& filter,
                                            const PageRequest& page) const {
  return access_->registry().endpoints(tag_, filter, page);
}
Result<Endpoint> Workspace::endpoint(EndpointId id) const {
  auto endpoint = access_->registry().endpoint(tag_, id);
  const auto number = access_->registry().endpoint_number(tag_, id);
  if (!endpoint || !number) return endpoint;
  auto drained = from_store<Result<bool>>(
      *access_, [number = *number](store::Committer& committer, const auto& tell) {
        tell(committer.is_drained(number));
      });
  if (drained && *drained) endpoint->drained = **drained;
  return endpoint;
}
Result<Endpoint> Workspace::update_endpoint(EndpointId id, const EndpointSettings& settings,
                                            const ChangeOptions& options) {
  return access_->registry().update_endpoint(tag_, id, settings, options);
}
Result<void> Workspace::delete_endpoint(EndpointId id, const ChangeOptions& options) {
  return access_->registry().delete_endpoint(tag_, id, options);
}
Result<std::size_t> Workspace::discard_waiting(EndpointId id) {
  if (auto there = access_->registry().endpoint(tag_, id); !there) return std::move(there).error();
  auto number = access_->registry().endpoint_number(tag_, id);
  if (!number) return std::move(number).error();
  const auto discard = [this, number = *number]() -> Result<std::size_t> {
    auto discarded = from_store<Result<std::size_t>>(
        *access_, [number](store::Committer& committer, const auto& tell) {
          committer.discard(number, tell);
        });
    return discarded ? std::move(*discarded) : std::move(discarded).error();
  };
  return engine::recorded<Result<std::size_t>>(
      access_->registry().audit_book(),
      engine::audit_draft_of_deed(tag_, "discard", "endpoint", id.to_string()), discard);
}
Result<LinkResult> Workspace::create_link(std::string_view product, const LinkSpec& spec) {
  return access_->registry().create_link(tag_, product, spec);
}
Result<Page<Link>> Workspace::links(const LinkFilter& filter, const PageRequest& page) const {
  return access_->registry().links(tag_, filter, page);
}
Result<Link> Workspace::link(LinkId id) const { return access_->registry().link(tag_, id); }
Result<Link> Workspace::rotate_link(LinkId id, std::chrono::milliseconds grace,
                                    const ChangeOptions& options) {
  return access_->registry().rotate_link(tag_, id, grace, options);
}
Result<void> Workspace::delete_link(LinkId id, const ChangeOptions& options) {
  return access_->registry().delete_link(tag_, id, options);
}

Result<SigningSecret> Workspace::signing_secret(EndpointId id) const {
  return access_->registry().signing_secret(tag_, id);
}
Result<SigningSecret> Workspace::rotate_signing_secret(EndpointId id,
                                                       const SigningRotation& rotation,
                                                       const ChangeOptions& options) {
  return access_->registry().rotate_signing_secret(tag_, id, rotation, options);
}

// --- Secrets

Result<SecretInfo> Workspace::put_secret(std::string_view name, std::string_view value,
                                         const ChangeOptions& options) {
  return access_->registry().put_secret(tag_, name, value, options);
}
Result<Page<SecretInfo>> Workspace::secrets(const PageRequest& page) const {
  return access_->registry().secrets(tag_, page);
}
Result<SecretInfo> Workspace::secret(std::string_view name) const {
  return access_->registry().secret(tag_, name);
}
Result<void> Workspace::delete_secret(std::string_view name, const ChangeOptions& options) {
  return access_->registry().delete_secret(tag_, name, options);
}

// --- Test sends and dry runs

namespace {

// Hands a submission over and waits until it is durable.
template <class Submission>
Result<MessageId> submit(engine::WorkspaceAccess& access, Submission submission) {
  ingest::Submitter* submitter = access.submitter();
  if (submitter == nullptr) return Error{ErrorCode::kUnavailable, "the engine is closing", 0};
  auto told = std::make_shared<std::promise<Result<store::Answer>>>();
  auto answer = told->get_future();
  submitter->submit(std::move(submission),
                    [told](Result<store::Answer> result) { told->set_value(std::move(result)); });
  if (!wait_for(access, answer)) return Error{ErrorCode::kUnavailable, "the engine is closing", 0};
  auto stored = answer.get();
  if (!stored) return std::move(stored).error();
  switch (stored->acceptance) {
    case store::Acceptance::kStored:
    case store::Acceptance::kDuplicate:
      return stored->id;
    case store::Acceptance::kFull:
      return Error{ErrorCode::kStorageFull, "the disk is full", 0};
    case store::Acceptance::kUnavailable:
      break;
  }
  return Error{ErrorCode::kUnavailable, "the store does not take messages", 0};
}

Result<TestSend> sent(engine::WorkspaceAccess& access, const engine::TestTarget& target,
                      std::string_view content_type, Result<MessageId> message) {
  if (!message) return std::move(message).error();
  TestSend result{*message, target.event_tag, false, 0};
  access.registry().foresee(target, content_type, result);
  if (target.link_token.empty()) result.receivers = 1;  // to an endpoint alone
  return result;
}

}  // namespace

Result<TestSend> Workspace::trigger(std::string_view app, std::string_view event,
                                    const TriggerSpec& spec) {
  auto target = access_->registry().trigger_target(tag_, app, event, spec);
  if (!target) return std::move(target).error();
  ingest::Submitter::Message message;
  message.token = target->link_token;
  message.body = target->body;
  message.content_type = spec.content_type;
  message.is_test = true;
  message.pinned = target->event;
  return sent(*access_, *target, spec.content_type, submit(*access_, std::move(message)));
}

Result<TestSend> Workspace::test_endpoint(EndpointId id, const EndpointTestSpec& spec) {
  auto target = access_->registry().endpoint_target(tag_, id, spec);
  if (!target) return std::move(target).error();
  ingest::Submitter::Direct direct;
  direct.link = target->link;
  direct.event = target->event;
  direct.targets = {target->endpoint};
  direct.body = target->body;
  direct.content_type = spec.content_type;
  direct.is_test = true;
  return sent(*access_, *target, spec.content_type, submit(*access_, std::move(direct)));
}

Result<MatchReport> Workspace::match(std::string_view app, std::string_view webhook,
                                     const MatchRequest& request) const {
  return access_->registry().match(tag_, app, webhook, request);
}

// --- What happened

Result<Page<Message>> Workspace::messages(const HistoryFilter& filter) const {
  return access_->history().messages(tag_, filter);
}
Result<MessageDetail> Workspace::message(MessageId id) const {
  auto detail = access_->history().message(tag_, id);
  if (detail) detail->others = access_->registry().other_events(tag_, *detail);
  return detail;
}
Result<Page<Delivery>> Workspace::deliveries(const HistoryFilter& filter) const {
  return access_->history().deliveries(tag_, filter);
}
Result<Page<Attempt>> Workspace::attempts(const HistoryFilter& filter) const {
  return access_->history().attempts(tag_, filter);
}

// --- Replays, dead letters, erasure

Result<Job> Workspace::replay(const ReplaySpec& spec) { return access_->jobs().replay(tag_, spec); }
Result<Job> Workspace::erase(const ErasureSpec& spec) { return access_->jobs().erase(tag_, spec); }
Result<Page<Job>> Workspace::jobs(const JobFilter& filter) const {
  return access_->jobs().list(tag_, filter);
}
Result<Job> Workspace::job(JobId id) const { return access_->jobs().find(tag_, id); }
Result<Job> Workspace::pause_job(JobId id) { return access_->jobs().pause(tag_, id); }
Result<Job> Workspace::resume_job(JobId id) { return access_->jobs().resume(tag_, id); }
Result<Job> Workspace::cancel_job(JobId id) { return access_->jobs().cancel(tag_, id); }
Result<Page<DeadLetter>> Workspace::dead_letters(const HistoryFilter& filter) const {
  return access_->dead_letters().list(tag_, filter);
}
Result<Delivery> Workspace::retry(MessageId message, EndpointId endpoint) {
  if (auto retried = access_->jobs().retry(tag_, message, endpoint); !retried)
    return std::move(retried).error();
  HistoryFilter filter;
  filter.message = message;
  filter.endpoint = endpoint;
  auto page = access_->history().deliveries(tag_, filter);
  if (!page) return std::move(page).error();
  if (page->items.empty()) return engine::not_found("the message is gone");
  return std::move(page->items.front());
}
Result<void> Workspace::erase(MessageId message) {
  return access_->jobs().erase_one(tag_, message);
}

// --- The audit log

Result<Page<AuditEntry>> Workspace::audit(const AuditFilter& filter) const {
  return access_->registry().audit(tag_, filter);
}

}  // namespace headrace
