// SPDX-License-Identifier: Apache-2.0
#include "tools/commands.h"

#include <algorithm>
#include <array>
#include <utility>

namespace headrace::tools {
namespace {

// Several tables of fields as one.
template <std::size_t... kSizes>
constexpr auto join(const std::array<Field, kSizes>&... tables) {
  std::array<Field, (kSizes + ...)> all{};
  std::size_t at = 0;
  const auto add = [&](const auto& table) {
    for (const Field& field : table) all[at++] = field;
  };
  (add(tables), ...);
  return all;
}

constexpr Field query(std::string_view name, std::string_view type, std::string_view help,
                      std::string_view member = {}) {
  return {name, type, help, member.empty() ? name : member, Place::kQuery};
}

constexpr std::array kWorkspace = {
    Field{"tag", "TAG", "its tag", "tag"},
    Field{"name", "TEXT", "its name, for people", "name"},
};

constexpr std::array kKey = {
    Field{"name", "TEXT", "its name, for people", "name"},
    Field{"scope", "read|write|replay|admin", "what it allows", "scopes", Place::kBody,
          Form::kList},
    Field{"expires-at", "TIME", "when it ends (RFC 3339)", "expires_at"},
};

constexpr std::array kDescription = {
    Field{"name", "TEXT", "its name, for people", "name"},
    Field{"description", "TEXT", "what it is about", "description"},
};

constexpr std::array kWebhookTag = {Field{"tag", "TAG", "its tag", "tag"}};
constexpr std::array kEventTag = {Field{"tag", "TAG", "its tag, webhook:event", "tag"}};

constexpr std::array kWebhookSettings = {
    Field{"env", "ENV", "an environment: its slug, slug=REGISTRATION_URL, or a JSON object", "envs",
          Place::kBody, Form::kEnvs, "registration_url"},
    Field{"payload", "json|raw", "whether bodies that say they are JSON must be", "payload"},
    Field{"body-bytes-max", "NUMBER", "largest body that is taken", "body_bytes_max", Place::kBody,
          Form::kNumber},
    Field{"dedupe", "SELECTOR", "names a message, so that duplicates are found", "dedupe"},
    Field{"retention", "TIME", "how long its messages are kept (30d), or default", "retention",
          Place::kBody, Form::kLimit},
};

constexpr std::array kEventSettings = {
    Field{"selector", "SELECTOR", "where a message names the event: '$Event{action}'", "selector"},
    Field{"selector-value", "TEXT", "what must be there", "selector_value"},
    Field{"sample", "JSON", "an example of a payload: JSON, or @FILE", "sample", Place::kBody,
          Form::kJson},
};

constexpr auto kWebhookCreate = join(kWebhookTag, kDescription, kWebhookSettings);
constexpr auto kWebhookUpdate = join(kDescription, kWebhookSettings);
constexpr auto kEventCreate = join(kEventTag, kDescription, kEventSettings);
constexpr auto kEventUpdate = join(kDescription, kEventSettings);

constexpr std::array kConnection = {Field{"app", "APP", "the app's own tag", "app"}};

constexpr std::array kRegistrationOf = {
    Field{"access-tag", "TAG", "the name under which the product knows the app", "access_tag"},
    Field{"webhook", "TAG", "tag of the webhook", "webhook_tag"},
};
constexpr std::array kOneEnv = {Field{"env", "ENV", "slug of the environment", "env"}};
constexpr std::array kLinkEvent = {
    Field{"event", "EVENT", "makes a link of this event alone", "event"}};

constexpr std::array kLinkVerification = {
    Field{"verification", "JSON", "how messages to it are verified, instead of the env's way",
          "verification", Place::kBody, Form::kJson}};

constexpr std::array kEndpointSettings = {
    Field{"to", "URL", "the receiver", "url"},
    Field{"method", "METHOD", "of deliveries; POST unless said otherwise", "method"},
    Field{"auth", "JSON", "credentials for the receiver: JSON, or @FILE", "auth", Place::kBody,
          Form::kJson},
    Field{"events", "EVENT,...", "only these events", "events", Place::kBody, Form::kList},
    Field{"filter", "JSON", "only messages that pass it: JSON, or @FILE", "filter", Place::kBody,
          Form::kJson},
    Field{"tls", "JSON", "ca, certificate, key and pins for https: JSON, or @FILE", "tls",
          Place::kBody, Form::kJson},
    Field{"in-flight-max", "NUMBER", "deliveries under way at a time", "in_flight_max",
          Place::kBody, Form::kNumber},
    Field{"adaptive", "true|false", "as many of these as the endpoint keeps up with", "adaptive",
          Place::kBody, Form::kBoolean},
    Field{"rate-limit", "NUMBER[/BURST]", "attempts a second (10, 10/50), or none", "rate_limit",
          Place::kBody, Form::kRate},
    Field{"order", "none|strict|by_key", "whether deliveries keep the order of arrival", "order"},
    Field{"order-by", "SELECTOR", "of by_key: $Event{customer.id}", "order_by"},
    Field{"head-of-line", "block|skip", "in an order: what waits behind one that is tried again",
          "head_of_line"},
    Field{"retry-share-percent", "NUMBER", "of the turns while fresh deliveries wait (50)",
          "retry_share_percent", Place::kBody, Form::kNumber},
    Field{"retry", "TIME,...", "delays before each retry (5s,1m), none, default, or JSON", "retry",
          Place::kBody, Form::kSchedule},
    Field{"retry-on", "STATUS,...", "answers that are tried again (409,5xx)", "retry_on",
          Place::kBody, Form::kList},
    Field{"final-on", "STATUS,...", "answers that end a delivery at once (404,4xx)", "final_on",
          Place::kBody, Form::kList},
    Field{"retry-after-max", "TIME", "a longer Retry-After is cut (24h)", "retry_after_max"},
    Field{"breaker", "JSON", "when it is left alone for a while: JSON, none or default", "breaker",
          Place::kBody, Form::kObject},
    Field{"connect-timeout", "TIME", "of name, connection and handshake (5s)", "connect_timeout"},
    Field{"attempt-timeout", "TIME", "of a whole attempt (15s)", "attempt_timeout"},
    Field{"disable-after", "TIME", "of nothing but failures (5d), or never", "disable_after",
          Place::kBody, Form::kLimit},
};
constexpr std::array kSigning = {
    Field{"signing", "JSON", "how deliveries are signed: JSON, or @FILE", "signing", Place::kBody,
          Form::kJson},
};
constexpr std::array kState = {Field{"state", "active|paused|draining|disabled",
                                     "whether it takes messages, and delivers", "state"}};

constexpr auto kEndpointCreate = join(kRegistrationOf, kOneEnv, kEndpointSettings, kSigning, kState);
constexpr auto kEndpointUpdate = join(kEndpointSettings, kSigning, kState);
constexpr auto kLinkCreate = join(kRegistrationOf, kOneEnv, kLinkEvent, kLinkVerification, kEndpointSettings, kSigning);

constexpr std::array kEnableEnvs = {
    Field{"env", "ENV=URL", "an environment: slug=URL of the receiver, or a JSON object", "envs",
          Place::kBody, Form::kEnvs, "url"},
    Field{"wait", "TIME", "how long to wait for the providers' answers (10s)", "wait"},
};
constexpr std::array kDisableEnvs = {
    Field{"env", "ENV,...", "only these environments", "envs", Place::kBody, Form::kList}};
constexpr auto kEnable = join(kRegistrationOf, kEnableEnvs);
constexpr auto kDisable = join(kRegistrationOf, kDisableEnvs);

constexpr std::array kGrace = {
    Field{"grace", "TIME", "how long the link before still works (24h)", "grace"}};

constexpr std::array kNewSigningSecret = {
    Field{"grace", "TIME", "how long the secret before signs as well (24h)", "grace"},
    Field{"secret-file", "FILE", "the new secret; it is made where none is given", "secret",
          Place::kBody, Form::kSecret},
};
constexpr std::array kSecretValue = {
    Field{"VALUE", "FILE", "what it is; standard input unless given", "value", Place::kBody,
          Form::kSecret, "", true},
};

constexpr std::array kSend = {
    Field{"payload", "FILE", "what is sent instead of the sample; - is standard input", "body",
          Place::kBody, Form::kPayload},
    Field{"content-type", "TYPE", "of the payload; application/json unless said otherwise",
          "content_type"},
};
constexpr std::array kTestEvent = {Field{"event", "EVENT", "whose sample is sent", "event"}};
constexpr std::array kTriggerTo = {
    Field{"env", "ENV", "slug of the environment", "env"},
    Field{"product", "PRODUCT", "only to this product", "product"},
};
constexpr auto kTrigger = join(kTriggerTo, kSend);
constexpr auto kTest = join(kTestEvent, kSend);

constexpr std::array kMatch = {
    Field{"PAYLOAD", "FILE", "the body that is looked at; standard input unless given", "body",
          Place::kBody, Form::kPayload, "", true},
    Field{"env", "ENV", "only endpoints of this environment", "env"},
    Field{"header", "'NAME: VALUE'", "a header line of the message", "headers", Place::kBody,
          Form::kHeaders},
    Field{"query", "NAME=VALUE", "of the query of the message", "query", Place::kBody,
          Form::kPairs},
    Field{"content-type", "TYPE", "of the body; JSON is tried unless said otherwise",
          "content_type"},
};

constexpr std::array kWhere = {
    query("app", "APP", "only of this app"),
    query("webhook", "TAG", "only of this webhook"),
    query("env", "ENV", "only of this environment"),
    query("product", "PRODUCT", "only of this product"),
};
constexpr std::array kOfWebhook = {query("webhook", "TAG", "only of this webhook")};
constexpr std::array kAccessTag = {
    query("access-tag", "TAG", "only under this name of an app", "access_tag")};
constexpr std::array kHistory = {
    query("link", "LINK", "only on this link"),
    query("endpoint", "ENDPOINT", "only to this endpoint"),
    query("event", "EVENT", "only of this event"),
    query("since", "TIME", "accepted at or after (RFC 3339)"),
    query("until", "TIME", "accepted before (RFC 3339)"),
};
constexpr std::array kMessageStatus = {
    query("status", "routed|unmatched|no_endpoint", "only these")};
constexpr std::array kOfMessage = {
    query("message", "MESSAGE", "only of this message"),
    query("error", "any|none|CLASS", "only with, without, or with this error"),
    query("http-status", "NUMBER", "only with this answer", "http_status"),
};
constexpr std::array kDeliveryStatus = {
    query("status", "waiting|retrying|delivered|dead", "only these")};
constexpr std::array kAttemptStatus = {
    query("status", "delivered|retry|dead", "only what it made of the delivery")};
constexpr auto kMessages = join(kWhere, kHistory, kMessageStatus);
constexpr auto kDeliveries = join(kWhere, kHistory, kOfMessage, kDeliveryStatus);
constexpr auto kAttempts = join(kWhere, kHistory, kOfMessage, kAttemptStatus);

// Which messages a job is about; as members of its body.
constexpr std::array kMeant = {
    Field{"app", "APP", "only of this app", "app"},
    Field{"webhook", "TAG", "only of this webhook", "webhook"},
    Field{"env", "ENV", "only of this environment", "env"},
    Field{"product", "PRODUCT", "only of this product", "product"},
    Field{"link", "LINK", "only on this link", "link"},
    Field{"endpoint", "ENDPOINT", "only to this endpoint", "endpoint"},
    Field{"event", "EVENT", "only of this event", "event"},
    Field{"since", "TIME", "accepted at or after (RFC 3339)", "since"},
    Field{"until", "TIME", "accepted before (RFC 3339)", "until"},
};
constexpr std::array kMeantMessage = {Field{"message", "MESSAGE", "only this message", "message"}};
constexpr std::array kMeantState = {
    Field{"message-state", "unmatched|no_endpoint",
          "messages that went nowhere, routed by what is registered now", "message_state"},
};
constexpr std::array kMeantDeliveries = {
    Field{"state", "delivered|dead|waiting|retrying", "only deliveries in this state", "state"},
};
constexpr std::array kMeantOutcome = {
    Field{"error", "any|none|CLASS", "only with, without, or with this error", "error"},
    Field{"http-status", "NUMBER", "only with this answer", "http_status", Place::kBody,
          Form::kNumber},
};
constexpr std::array kReplayHow = {
    Field{"to", "ENDPOINT", "to this endpoint instead", "to"},
    Field{"rate", "NUMBER", "deliveries a second, at most", "rate", Place::kBody, Form::kNumber},
};
constexpr std::array kDryRun = {
    Field{"dry-run", "", "only count", "dry_run", Place::kBody, Form::kSwitch}};
constexpr std::array kPayloadFilter = {Field{"payload", "JSON",
                                             "only messages that pass this filter: JSON, or @FILE",
                                             "payload", Place::kBody, Form::kJson}};
constexpr auto kReplay =
    join(kMeant, kMeantMessage, kMeantState, kMeantDeliveries, kMeantOutcome, kReplayHow, kDryRun);
constexpr auto kDeadRetry = join(kMeant, kMeantOutcome, kReplayHow, kDryRun);
constexpr auto kErase = join(kMeant, kMeantMessage, kMeantState, kPayloadFilter, kDryRun);
constexpr std::array kDeadOutcome = {
    query("error", "any|none|CLASS", "only with, without, or with this error"),
    query("http-status", "NUMBER", "only with this answer", "http_status"),
};
constexpr auto kDeadLetters = join(kWhere, kHistory, kDeadOutcome);
constexpr std::array kJobs = {
    query("kind", "replay|erasure", "only of this kind"),
    query("status", "counting|running|paused|done|cancelled|failed", "only in this state"),
};

constexpr std::array kAudit = {
    query("since", "TIME", "changed at or after (RFC 3339)"),
    query("until", "TIME", "changed before (RFC 3339)"),
    query("actor", "operator|engine|host|KEY", "only by this one"),
    query("action", "ACTION", "only this: create, update, delete, ..."),
    query("kind", "KIND", "only of this kind: webhook, endpoint, key, ..."),
    query("name", "NAME", "only of this name, of what is below it, or of this id"),
};

// What commands of a kind have in common.
constexpr Field kOnlyProduct = {"product", "PRODUCT", "only of this product", "product",
                                Place::kPath};
constexpr Field kFile = {
    "file", "FILE",
    "the request's body as JSON; - is standard input; other flags override its members", "",
    Place::kWholeBody};
constexpr Field kUnset = {"unset", "MEMBER,...",  "put back to what it is when nothing is said",
                          "",      Place::kUnset, Form::kList};
constexpr Field kIdempotencyKey = {"idempotency-key", "TEXT",
                                   "a repeat with the same key does it only once", "",
                                   Place::kIdempotencyKey};
constexpr Field kIfRevision = {"if-revision", "NUMBER", "only if this is still its revision", "",
                               Place::kIfMatch};
constexpr Field kCascade = {
    "cascade",     "",           "also remove what it would leave behind", "cascade",
    Place::kQuery, Form::kSwitch};
constexpr Field kLimit = {"limit", "NUMBER",      "items of a page (100, at most 1000)",
                          "limit", Place::kQuery, Form::kNumber};
constexpr Field kCursor = {"cursor", "CURSOR", "begin where the page before ended", "cursor",
                           Place::kQuery};

constexpr Method kGet = Method::kGet;
constexpr Method kPost = Method::kPost;
constexpr Method kPatch = Method::kPatch;
constexpr Method kPut = Method::kPut;
constexpr Method kDelete = Method::kDelete;

constexpr std::string_view kWebhookPath = "/v1/apps/{app}/webhooks/{webhook}";
constexpr std::string_view kEventPath = "/v1/apps/{app}/events/{event}";
constexpr std::string_view kConnectionPath = "/v1/products/{product}/apps/{access_tag}";

// words, help, method, path, fields, columns, has_revision, can_cascade, job
// clang-format off
constexpr Command kCommands[] = {
    {"workspace create", "make a workspace", kPost, "/v1/workspaces", kWorkspace},
    {"workspace list", "all workspaces", kGet, "/v1/workspaces", {}, "tag,name,created_at"},
    {"workspace get", "one workspace", kGet, "/v1/workspaces/{workspace}"},
    {"workspace delete", "remove a workspace", kDelete, "/v1/workspaces/{workspace}", {}, {}, false,
     true},
    {"workspace audit", "who changed what in any workspace, deleted ones too", kGet,
     "/v1/workspaces/{workspace}/audit", kAudit, "at,actor,address,action,kind,name,changed"},

    {"key create", "make a key; its secret is shown once", kPost, "/v1/keys", kKey},
    {"key list", "all keys, without their secrets", kGet, "/v1/keys", {},
     "id,name,scopes,created_at,expires_at,last_used_at"},
    {"key get", "one key, without its secret", kGet, "/v1/keys/{key}"},
    {"key delete", "revoke a key", kDelete, "/v1/keys/{key}"},

    {"app list", "all apps", kGet, "/v1/apps", {}, "tag,webhooks"},
    {"app get", "one app", kGet, "/v1/apps/{app}"},
    {"app delete", "remove an app", kDelete, "/v1/apps/{app}", {}, {}, false, true},

    {"webhook create", "define a webhook of an app", kPost, "/v1/apps/{app}/webhooks",
     kWebhookCreate},
    {"webhook list", "all webhooks of an app", kGet, "/v1/apps/{app}/webhooks", {},
     "tag,name,envs.slug,payload,revision"},
    {"webhook get", "one webhook, with its links", kGet, kWebhookPath},
    {"webhook update", "change a webhook; environments are merged by slug", kPatch, kWebhookPath,
     kWebhookUpdate, {}, true},
    {"webhook delete", "remove a webhook", kDelete, kWebhookPath, {}, {}, true, true},
    {"webhook delete-env", "remove one environment of a webhook", kDelete,
     "/v1/apps/{app}/webhooks/{webhook}/envs/{env}", {}, {}, true, true},

    {"event create", "define an event of a webhook", kPost, "/v1/apps/{app}/events", kEventCreate},
    {"event list", "all events of an app", kGet, "/v1/apps/{app}/events", kOfWebhook,
     "tag,name,selector,selector_value,revision"},
    {"event get", "one event", kGet, kEventPath},
    {"event update", "change an event", kPatch, kEventPath, kEventUpdate, {}, true},
    {"event delete", "remove an event", kDelete, kEventPath, {}, {}, true, true},

    {"product list", "all products", kGet, "/v1/products", {}, "tag,connections,endpoints,links"},
    {"product get", "one product", kGet, "/v1/products/{product}"},
    {"product delete", "remove a product", kDelete, "/v1/products/{product}", {}, {}, false, true},

    {"connection create", "let a product know an app under a name", kPut, kConnectionPath,
     kConnection, {}, true},
    {"connection list", "all apps that a product knows", kGet, "/v1/products/{product}/apps", {},
     "product,access_tag,app"},
    {"connection get", "one connection", kGet, kConnectionPath},
    {"connection update", "let the name stand for another app", kPut, kConnectionPath, kConnection,
     {}, true},
    {"connection delete", "remove a connection", kDelete, kConnectionPath, {}, {}, true, true},

    {"link create", "make a product's link, or an event's; the same call shows the same link",
     kPost, "/v1/products/{product}/links", kLinkCreate},
    {"link list", "all links", kGet, "/v1/links", kWhere,
     "id,kind,app,webhook,env,product,event,url"},
    {"link get", "one link", kGet, "/v1/links/{link}"},
    {"link rotate", "give a link a new address", kPost, "/v1/links/{link}/rotate", kGrace, {},
     true},
    {"link delete", "remove a link", kDelete, "/v1/links/{link}", {}, {}, true},

    {"endpoint create", "let a product receive a webhook", kPost,
     "/v1/products/{product}/endpoints", kEndpointCreate},
    {"endpoint list", "all endpoints", kGet, "/v1/endpoints", kWhere,
     "id,product,app,webhook,env,method,url,state"},
    {"endpoint get", "one endpoint", kGet, "/v1/endpoints/{endpoint}"},
    {"endpoint update", "change an endpoint", kPatch, "/v1/endpoints/{endpoint}", kEndpointUpdate,
     {}, true},
    {"endpoint pause", "hold what waits for an endpoint; it goes on taking messages", kPost,
     "/v1/endpoints/{endpoint}/pause", {}, {}, true},
    {"endpoint resume", "let an endpoint take and deliver again", kPost,
     "/v1/endpoints/{endpoint}/resume", {}, {}, true},
    {"endpoint drain", "deliver what waits for an endpoint, and take nothing new", kPost,
     "/v1/endpoints/{endpoint}/drain", {}, {}, true},
    {"endpoint disable", "hold what waits for an endpoint, and take nothing new", kPost,
     "/v1/endpoints/{endpoint}/disable", {}, {}, true},
    {"endpoint discard", "give up all that waits for an endpoint", kPost,
     "/v1/endpoints/{endpoint}/discard"},
    {"endpoint signing-secret", "what a receiver verifies deliveries with", kGet,
     "/v1/endpoints/{endpoint}/signing-secret"},
    {"endpoint rotate-secret", "sign with a new secret", kPost,
     "/v1/endpoints/{endpoint}/signing-secret/rotate", kNewSigningSecret, {}, true},
    {"endpoint delete", "remove an endpoint", kDelete, "/v1/endpoints/{endpoint}", {}, {}, true,
     true},

    {"registration list", "what is enabled, and whether the providers know", kGet,
     "/v1[/products/{product}]/webhooks", kAccessTag,
     "product,access_tag,webhook_tag,envs.slug,envs.status,envs.url"},
    {"enable", "register a product for a webhook: endpoints, links, and the call to the provider",
     kPost, "/v1/products/{product}/webhooks/enable", kEnable},
    {"disable", "undo enable", kPost, "/v1/products/{product}/webhooks/disable", kDisable},

    {"trigger", "send the sample of an event as a test", kPost,
     "/v1/apps/{app}/events/{event}/trigger", kTrigger},
    {"test", "send a test message to one endpoint", kPost, "/v1/endpoints/{endpoint}/test", kTest},
    {"match", "say what a message would do, without sending it", kPost,
     "/v1/apps/{app}/webhooks/{webhook}/match", kMatch},

    {"messages", "what was accepted, newest first", kGet, "/v1/messages", kMessages,
     "id,received_at,event,status,test,body_bytes,link"},
    {"message get", "one message, with headers and body", kGet, "/v1/messages/{message}"},
    {"message delete", "erase one message for good", kDelete, "/v1/messages/{message}"},
    {"deliveries", "what is to go, or went, to which endpoint", kGet, "/v1/deliveries", kDeliveries,
     "message,endpoint,event,status,attempts,http_status,error,next_at"},
    {"attempts", "every try of a delivery", kGet, "/v1/attempts", kAttempts,
     "message,endpoint,attempt,status,http_status,error,started_at,duration_us"},

    {"replay", "deliver again what is on record", kPost, "/v1/replays", kReplay, {}, false, false,
     JobUse::kBegins},
    {"retry", "make one delivery again", kPost,
     "/v1/messages/{message}/deliveries/{endpoint}/retry"},
    {"dead list", "deliveries that were given up, newest messages first", kGet, "/v1/dead-letters",
     kDeadLetters, "message,endpoint,event,died_at,attempts,http_status,error"},
    {"dead retry", "make them again", kPost, "/v1/dead-letters/retry", kDeadRetry, {}, false, false,
     JobUse::kBegins},
    {"erase", "erase messages for good", kPost, "/v1/erasures", kErase, {}, false, false,
     JobUse::kBegins},
    {"jobs list", "replays and erasures, newest first", kGet, "/v1/jobs", kJobs,
     "id,kind,status,dry_run,total,matched,skipped,failed,created_at"},
    {"jobs show", "one job", kGet, "/v1/jobs/{job}"},
    {"jobs watch", "wait until a job is over, showing how far it is", kGet, "/v1/jobs/{job}", {},
     {}, false, false, JobUse::kWatches},
    {"jobs pause", "let a job rest", kPost, "/v1/jobs/{job}/pause"},
    {"jobs resume", "let a job go on", kPost, "/v1/jobs/{job}/resume"},
    {"jobs cancel", "end a job", kPost, "/v1/jobs/{job}/cancel"},

    {"secrets set", "make or change a secret that definitions name as $Secret{NAME}", kPut,
     "/v1/secrets/{secret}", kSecretValue, {}, true},
    {"secrets list", "names of all secrets; what they are is never shown", kGet, "/v1/secrets", {},
     "name,created_at,updated_at,revision"},
    {"secrets get", "when a secret was made and changed", kGet, "/v1/secrets/{secret}"},
    {"secrets delete", "remove a secret", kDelete, "/v1/secrets/{secret}", {}, {}, true, true},
    {"rotate-master-key", "seal all secrets under a new master key", kPost,
     "/v1/master-key/rotate"},

    {"audit", "who changed what, newest first", kGet, "/v1/audit", kAudit,
     "at,actor,address,action,kind,name,changed"},

    {"self", "who the key speaks for", kGet, "/v1/self"},
};
// clang-format on

using Text = std::pair<std::string_view, std::string_view>;

constexpr Text kNouns[] = {
    {"workspace", "tenants; for the operator's key only"},
    {"key", "keys of a workspace"},
    {"app", "who emits"},
    {"webhook", "what an app emits, in environments"},
    {"event", "kinds of messages of a webhook"},
    {"product", "who receives"},
    {"connection", "the names under which a product knows apps"},
    {"link", "where messages are posted to"},
    {"endpoint", "where messages are delivered to"},
    {"registration", "what is enabled"},
    {"message", "one accepted message"},
    {"dead", "deliveries that were given up"},
    {"jobs", "replays and erasures"},
    {"secrets", "what $Secret{NAME} stands for"},
};

constexpr Text kPlaceholders[] = {
    {"workspace", "tag of the workspace"},
    {"key", "id of the key"},
    {"app", "tag of the app"},
    {"webhook", "tag of the webhook"},
    {"env", "slug of the environment"},
    {"event", "tag of the event, or its part behind the colon"},
    {"product", "tag of the product"},
    {"access_tag", "the name under which the product knows the app"},
    {"link", "id of the link"},
    {"endpoint", "id of the endpoint"},
    {"message", "id of the message"},
    {"job", "id of the job"},
    {"secret", "name of the secret"},
};

std::string_view look_up(std::span<const Text> table, std::string_view name) noexcept {
  const auto it = std::find_if(table.begin(), table.end(),
                               [name](const Text& text) { return text.first == name; });
  return it == table.end() ? std::string_view() : it->second;
}

}  // namespace

std::string_view to_string(Method method) noexcept {
  constexpr std::string_view kNames[] = {"GET", "POST", "PATCH", "PUT", "DELETE"};
  return kNames[static_cast<std::size_t>(method)];
}

bool may_repeat(Form form) noexcept {
  return form == Form::kList || form == Form::kHeaders || form == Form::kPairs ||
         form == Form::kEnvs;
}

std::span<const Command> all_commands() noexcept { return kCommands; }

std::vector<Field> fields_of(const Command& command) {
  std::vector<Field> fields(command.fields.begin(), command.fields.end());
  const auto add = [&fields](bool is_there, const Field& field) {
    if (is_there) fields.push_back(field);
  };
  for (const Placeholder& placeholder : placeholders(command.path))
    add(placeholder.is_optional && placeholder.name == "product", kOnlyProduct);
  add(command.has_body(), kFile);
  add(command.method == Method::kPatch, kUnset);
  add(command.method == Method::kPost, kIdempotencyKey);
  add(command.has_revision, kIfRevision);
  add(command.can_cascade, kCascade);
  add(command.is_list(), kLimit);
  add(command.is_list(), kCursor);
  return fields;
}

std::string_view help_of_noun(std::string_view noun) noexcept { return look_up(kNouns, noun); }

std::vector<Placeholder> placeholders(std::string_view path) {
  std::vector<Placeholder> found;
  bool is_optional = false;
  for (std::size_t at = 0; at < path.size(); ++at) {
    if (path[at] == '[' || path[at] == ']') is_optional = path[at] == '[';
    if (path[at] != '{') continue;
    const std::size_t end = path.find('}', at);
    found.push_back({std::string(path.substr(at + 1, end - at - 1)), is_optional});
    at = end;
  }
  return found;
}

std::string_view help_of_placeholder(std::string_view name) noexcept {
  return look_up(kPlaceholders, name);
}

}  // namespace headrace::tools
