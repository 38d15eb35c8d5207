// SPDX-License-Identifier: Apache-2.0
// One tenant's part of an engine: what is registered in it, and what happened there.
//
// A Workspace is a cheap handle; it must not outlive its engine. Nothing of another workspace can
// be read, changed or inferred through it: what belongs to another one is kNotFound. Threads: any.
// Every change is one atomic write, durable and in force when the call returns. Errors of all:
// kNotFound (what was named is not there), kInvalidArgument (`items` name the members at fault),
// kUnavailable and kStorage… (the store). Of changes with ChangeOptions: kPrecondition.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "headrace/audit.h"
#include "headrace/history.h"
#include "headrace/id.h"
#include "headrace/jobs.h"
#include "headrace/registration.h"
#include "headrace/registry.h"
#include "headrace/result.h"
#include "headrace/test_send.h"

namespace headrace {

class Engine;
namespace engine {
class WorkspaceAccess;
}

class Workspace {
 public:
  const std::string& tag() const noexcept { return tag_; }

  // --- Keys --------------------------------------------------------------------------------------

  Result<NewKey> create_key(const KeySpec& spec);
  Result<Page<Key>> keys(const PageRequest& page = {}) const;
  Result<Key> key(KeyId id) const;
  Result<void> revoke_key(KeyId id);

  // --- Apps, webhooks, events --------------------------------------------------------------------

  Result<Page<App>> apps(const PageRequest& page = {}) const;
  Result<App> app(std::string_view tag) const;
  // kConflict with what it has, unless it cascades.
  Result<void> delete_app(std::string_view tag, const ChangeOptions& options = {});

  // kConflict: the tag is taken.
  Result<Webhook> create_webhook(std::string_view app, const WebhookSpec& spec);
  Result<Page<Webhook>> webhooks(std::string_view app, const PageRequest& page = {}) const;
  Result<Webhook> webhook(std::string_view app, std::string_view tag) const;
  Result<Webhook> update_webhook(std::string_view app, std::string_view tag,
                                 const WebhookPatch& patch, const ChangeOptions& options = {});
  // kConflict lists events, endpoints and links that would be orphaned.
  Result<void> delete_webhook(std::string_view app, std::string_view tag,
                              const ChangeOptions& options = {});
  Result<void> delete_webhook_env(std::string_view app, std::string_view tag, std::string_view env,
                                  const ChangeOptions& options = {});

  // kMalformed: the selector, `detail` is the position of the fault. kConflict: the tag is taken,
  // or another event of the webhook has the same selector and value. kInvalidArgument: the sample
  // contradicts the selector.
  Result<Event> create_event(std::string_view app, const EventSpec& spec);
  // An empty webhook: of the whole app.
  Result<Page<Event>> events(std::string_view app, std::string_view webhook,
                             const PageRequest& page = {}) const;
  // `tag` is a full one, or an event part that is unique in the app; kConflict lists the
  // candidates.
  Result<Event> event(std::string_view app, std::string_view tag) const;
  Result<Event> update_event(std::string_view app, std::string_view tag, const EventPatch& patch,
                             const ChangeOptions& options = {});
  Result<void> delete_event(std::string_view app, std::string_view tag,
                            const ChangeOptions& options = {});

  // --- Products, connections ---------------------------------------------------------------------

  Result<Page<Product>> products(const PageRequest& page = {}) const;
  Result<Product> product(std::string_view tag) const;
  Result<void> delete_product(std::string_view tag, const ChangeOptions& options = {});

  // Makes or changes it. kConflict: endpoints are registered under the name for another app.
  Result<Connection> connect(std::string_view product, std::string_view access_tag,
                             std::string_view app, const ChangeOptions& options = {});
  Result<Page<Connection>> connections(std::string_view product,
                                       const PageRequest& page = {}) const;
  Result<Connection> connection(std::string_view product, std::string_view access_tag) const;
  Result<void> disconnect(std::string_view product, std::string_view access_tag,
                          const ChangeOptions& options = {});

  // --- Registrations -----------------------------------------------------------------------------

  // Endpoints and links for all envs or for none; then the providers are called where the webhook
  // says so. A repeat changes nothing that is as asked, and calls only providers that were not told
  // successfully. Blocks for up to `spec.wait`.
  Result<Registration> enable(std::string_view product, const EnableSpec& spec);
  // Removes endpoints and product links; providers with an unregistration URL are told. What was
  // accepted for these endpoints and is not delivered yet is given up.
  Result<Registration> disable(std::string_view product, const DisableSpec& spec);
  // An empty product: of all. An empty access tag: under every name.
  Result<Page<Registration>> registrations(std::string_view product, std::string_view access_tag,
                                           const PageRequest& page = {}) const;

  // --- Endpoints and links -----------------------------------------------------------------------

  // With its product link. kConflict: the product has one for that webhook and env.
  Result<Endpoint> create_endpoint(std::string_view product, const EndpointSpec& spec);
  Result<Page<Endpoint>> endpoints(const LinkFilter& filter, const PageRequest& page = {}) const;
  // This one also says whether it is drained.
  Result<Endpoint> endpoint(EndpointId id) const;
  Result<Endpoint> update_endpoint(EndpointId id, const EndpointSettings& settings,
                                   const ChangeOptions& options = {});
  Result<void> delete_endpoint(EndpointId id, const ChangeOptions& options = {});
  // What a receiver verifies deliveries with. kNotFound, too, where they are not signed.
  Result<SigningSecret> signing_secret(EndpointId id) const;
  // A new secret signs at once; the one before signs as well for the grace, a still older one no
  // more.
  Result<SigningSecret> rotate_signing_secret(EndpointId id, const SigningRotation& rotation = {},
                                              const ChangeOptions& options = {});
  // Gives up all that waits for the endpoint at the time of the call, whatever its state; answers
  // how many deliveries that were. Blocks until it is on record.
  Result<std::size_t> discard_waiting(EndpointId id);

  // The product's link for that webhook and env, or for the event: the same call returns the same
  // link.
  Result<LinkResult> create_link(std::string_view product, const LinkSpec& spec);
  Result<Page<Link>> links(const LinkFilter& filter, const PageRequest& page = {}) const;
  Result<Link> link(LinkId id) const;
  // A new token; the one before works for `grace`, and a still older one no more.
  Result<Link> rotate_link(LinkId id, std::chrono::milliseconds grace,
                           const ChangeOptions& options = {});
  // Event links and product links without an endpoint. kConflict: others go with what they belong
  // to.
  Result<void> delete_link(LinkId id, const ChangeOptions& options = {});

  // --- Secrets: what $Secret{NAME} stands for ----------------------------------------------------

  // Makes or changes it; whatever names it uses the new value from now on. kInvalidArgument: a name
  // other than 1 to 64 of A-Z a-z 0-9 _, a value that is empty or above 64 KiB.
  Result<SecretInfo> put_secret(std::string_view name, std::string_view value,
                                const ChangeOptions& options = {});
  Result<Page<SecretInfo>> secrets(const PageRequest& page = {}) const;
  Result<SecretInfo> secret(std::string_view name) const;
  // kConflict with what names it, unless it cascades: then these fail until it is there again.
  Result<void> delete_secret(std::string_view name, const ChangeOptions& options = {});

  // --- Test sends and dry runs -------------------------------------------------------------------

  // Sends the event's sample (or the body given) on its link, through the same path as a provider's
  // message, marked as a test. Blocks until it is durable.
  Result<TestSend> trigger(std::string_view app, std::string_view event, const TriggerSpec& spec);
  Result<TestSend> test_endpoint(EndpointId id, const EndpointTestSpec& spec);
  // What a message to this webhook would do. kMalformed: the body is not the JSON it is declared to
  // be.
  Result<MatchReport> match(std::string_view app, std::string_view webhook,
                            const MatchRequest& request) const;

  // --- What happened -----------------------------------------------------------------------------

  Result<Page<Message>> messages(const HistoryFilter& filter) const;
  Result<MessageDetail> message(MessageId id) const;
  Result<Page<Delivery>> deliveries(const HistoryFilter& filter) const;
  Result<Page<Attempt>> attempts(const HistoryFilter& filter) const;

  // --- Replays, dead letters, erasure ------------------------------------------------------------

  // Begins a job. kUnavailable: too many are under way.
  Result<Job> replay(const ReplaySpec& spec);
  Result<Job> erase(const ErasureSpec& spec);
  Result<Page<Job>> jobs(const JobFilter& filter = {}) const;  // newest first
  Result<Job> job(JobId id) const;
  // kConflict: it is over. In a state that it has already nothing happens.
  Result<Job> pause_job(JobId id);
  Result<Job> resume_job(JobId id);
  Result<Job> cancel_job(JobId id);

  // Deliveries that were given up, newest message first. App, webhook, env and product are the
  // endpoint's; message and message_state cannot be asked for.
  Result<Page<DeadLetter>> dead_letters(const HistoryFilter& filter = {}) const;
  // Opens one delivery that is over again; durable when it returns. kNotFound: the message did not
  // go to that endpoint; kConflict: it is not over, or the endpoint was deleted.
  Result<Delivery> retry(MessageId message, EndpointId endpoint);
  // Erases one message: its deliveries are given up, its bytes are overwritten, its id is unknown.
  Result<void> erase(MessageId message);

  // --- The audit log -----------------------------------------------------------------------------

  // What was changed, newest first. kInvalidArgument: an actor or cursor that is none. The work of
  // one call is bounded, so a page may be short, even empty, and have a next one all the same.
  Result<Page<AuditEntry>> audit(const AuditFilter& filter = {}) const;

 private:
  friend class Engine;
  Workspace(engine::WorkspaceAccess& access, std::string tag)
      : access_(&access), tag_(std::move(tag)) {}
  engine::WorkspaceAccess* access_;
  std::string tag_;
};

}  // namespace headrace
