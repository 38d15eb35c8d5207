// SPDX-License-Identifier: Apache-2.0
#include "tests/engine/random_changes.h"

#include <rapidcheck.h>

#include <utility>
#include <vector>

namespace headrace::test {

using engine::Registry;

namespace {

constexpr std::string_view kHome = "default";

std::string one_of(std::initializer_list<const char*> names) {
  return *rc::gen::elementOf(std::vector<std::string>(names.begin(), names.end()));
}
// From 0 to below `end`, whatever the size of the case is.
std::size_t below(std::size_t end) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::size_t>(0, end));
}
bool often() { return below(4) != 0; }

std::string workspace() { return one_of({"default", "default", "acme"}); }
std::string app() { return one_of({"a", "a-b"}); }
std::string tag() { return one_of({"h", "h2"}); }
std::string env() { return one_of({"prd", "snd"}); }
std::string product() { return one_of({"p", "p.q"}); }
std::string access_tag() { return one_of({"a", "a", "a-b", "hub"}); }
std::string event_part() { return one_of({"starred", "a", "b"}); }

template <class T>
Result<void> bare(const Result<T>& result) {
  return result ? Result<void>() : Result<void>(result.error());
}

EndpointSettings settings(bool with_url) {
  EndpointSettings drawn;
  if (with_url) drawn.url = "http://127.0.0.1:9/" + one_of({"x", "y"});
  if (often()) return drawn;
  drawn.method = one_of({"POST", "PUT", "NONE"});
  drawn.filter = one_of({"", R"({"$Event{n}":{"gt":10}})", R"({"$Header{X-Kind}":"a"})", "{"});
  drawn.auth = one_of({"", R"({"headers":{"A":"$Secret{TOKEN}"}})"});
  if (often()) drawn.events = {tag() + ":" + event_part()};
  drawn.state = often() ? EndpointState::kActive : EndpointState::kDraining;
  if (often()) drawn.delivery.in_flight_max = often() ? 5 : 0;
  return drawn;
}

// None, or whoever has a key: one that is written out, or one that may be there.
std::string verification() {
  const std::string secret = one_of({"k", "$Secret{TOKEN}", "$Secret{A}", "$Secret{B}"});
  if (often()) return "";
  return R"({"scheme":{"header":"x-key","algorithm":"token"},"secrets":[")" + secret + R"("]})";
}

WebhookSpec webhook_spec() {
  WebhookSpec spec;
  spec.tag = tag();
  spec.envs.push_back({.slug = "prd"});
  if (often()) spec.envs.push_back({.slug = "snd"});
  spec.raw_payload = !often();
  if (!often()) spec.dedupe = "$Event{n}";
  if (!often()) spec.envs[0].registration_url = "https://api.example.com/hooks";
  spec.envs[0].verification = verification();
  return spec;
}

RandomChange put_secret(const Registry&) {
  return {"put_secret", [w = workspace(), n = one_of({"A", "B"}), v = one_of({"k", "x"})](
                            Registry& r) { return bare(r.put_secret(w, n, v, {})); }};
}

RandomChange delete_secret(const Registry&) {
  return {"delete_secret",
          [w = workspace(), n = one_of({"A", "B"}), cascade = often()](Registry& r) {
            return r.delete_secret(w, n, {.cascade = cascade});
          }};
}

RandomChange create_webhook(const Registry&) {
  return {"create_webhook", [w = workspace(), a = app(), spec = webhook_spec()](Registry& r) {
            return bare(r.create_webhook(w, a, spec));
          }};
}

RandomChange update_webhook(const Registry&) {
  WebhookPatch patch;
  if (often()) patch.envs.push_back({.slug = env()});
  if (often() && !patch.envs.empty()) patch.envs[0].verification = verification();
  patch.raw_payload = !often();
  patch.dedupe = one_of({"", "$Event{n}"});
  patch.body_bytes_max = below(3);
  return {"update_webhook", [w = workspace(), a = app(), t = tag(), patch](Registry& r) {
            return bare(r.update_webhook(w, a, t, patch, {}));
          }};
}

RandomChange create_event(const Registry&) {
  EventSpec spec;
  spec.tag = tag() + ":" + event_part();
  spec.selector = one_of({"$Event{action}", "$Event{kind}", "$Header{X-Kind}", "$Event{"});
  if (!often()) spec.selector_value = event_part();
  return {"create_event", [w = workspace(), a = app(), spec](Registry& r) {
            return bare(r.create_event(w, a, spec));
          }};
}

RandomChange update_event(const Registry&) {
  EventPatch patch;
  patch.selector = one_of({"$Event{action}", "$Event{kind}"});
  if (!often()) patch.selector_value = event_part();
  return {"update_event", [w = workspace(), a = app(), t = tag() + ":" + event_part(), patch](
                              Registry& r) { return bare(r.update_event(w, a, t, patch, {})); }};
}

RandomChange create_endpoint(const Registry&) {
  const EndpointSpec spec{access_tag(), tag(), env(), settings(true)};
  return {"create_endpoint", [w = workspace(), p = product(), spec](Registry& r) {
            return bare(r.create_endpoint(w, p, spec));
          }};
}

RandomChange create_link(const Registry&) {
  LinkSpec spec{access_tag(), tag(), env(), often() ? "" : event_part(), settings(often())};
  if (often()) spec.verification = verification();
  return {"create_link", [w = workspace(), p = product(), spec](Registry& r) {
            return bare(r.create_link(w, p, spec));
          }};
}

RandomChange connect(const Registry&) {
  return {"connect", [w = workspace(), p = product(), t = access_tag(), a = app()](Registry& r) {
            return bare(r.connect(w, p, t, a, {}));
          }};
}

RandomChange enable(const Registry&) {
  EnableSpec spec;
  spec.access_tag = access_tag();
  spec.webhook = tag();
  spec.envs.push_back({"prd", settings(true), std::nullopt});
  if (!often()) spec.envs.push_back({"snd", settings(true), std::nullopt});
  return {"enable", [w = workspace(), p = product(), spec](Registry& r) {
            return bare(r.enable(w, p, spec));
          }};
}

RandomChange disable(const Registry&) {
  const DisableSpec spec{access_tag(), tag(), {}};
  return {"disable", [w = workspace(), p = product(), spec](Registry& r) {
            return bare(r.disable(w, p, spec));
          }};
}

template <class Item>
auto id_of(const Result<Page<Item>>& page) {
  return page && !page->items.empty() ? (*rc::gen::elementOf(page->items)).id
                                      : decltype(Item::id){};
}

RandomChange change_endpoint(const Registry& registry) {
  const EndpointId id = id_of(registry.endpoints(kHome, {}, {}));
  if (!often())
    return {"delete_endpoint", [id, cascade = often()](Registry& r) {
              return r.delete_endpoint(kHome, id, {.cascade = cascade});
            }};
  return {"update_endpoint", [id, s = settings(often())](Registry& r) {
            return bare(r.update_endpoint(kHome, id, s, {}));
          }};
}

RandomChange change_link(const Registry& registry) {
  const LinkId id = id_of(registry.links(kHome, {}, {}));
  if (!often()) return {"delete_link", [id](Registry& r) { return r.delete_link(kHome, id, {}); }};
  const std::chrono::milliseconds grace(1000 * below(3));
  return {"rotate_link",
          [id, grace](Registry& r) { return bare(r.rotate_link(kHome, id, grace, {})); }};
}

RandomChange remove_something(const Registry&) {
  const ChangeOptions options{.if_revision = std::nullopt, .cascade = often()};
  const std::string w = workspace(), a = app(), t = tag();
  switch (below(6)) {
    case 0:
      return {"delete_app", [=](Registry& r) { return r.delete_app(w, a, options); }};
    case 1:
      return {"delete_webhook", [=](Registry& r) { return r.delete_webhook(w, a, t, options); }};
    case 2:
      return {"delete_webhook_env",
              [=, e = env()](Registry& r) { return r.delete_webhook_env(w, a, t, e, options); }};
    case 3:
      return {"delete_event", [=, e = t + ":" + event_part()](Registry& r) {
                return r.delete_event(w, a, e, options);
              }};
    case 4:
      return {"delete_product",
              [=, p = product()](Registry& r) { return r.delete_product(w, p, options); }};
    default:
      return {"disconnect", [=, p = product(), name = access_tag()](Registry& r) {
                return r.disconnect(w, p, name, options);
              }};
  }
}

RandomChange change_workspace(const Registry& registry) {
  switch (below(4)) {
    case 0:
      return {"delete_workspace", [cascade = often()](Registry& r) {
                return r.delete_workspace("acme", {.cascade = cascade});
              }};
    case 1: {
      const KeyId id = id_of(registry.keys(kHome, {}));
      return {"revoke_key", [id](Registry& r) { return r.revoke_key(kHome, id); }};
    }
    case 2:
      return {"create_key",
              [w = workspace()](Registry& r) { return bare(r.create_key(w, {.name = "k"})); }};
    default:
      return {"create_workspace",
              [](Registry& r) { return bare(r.create_workspace("acme", "A")); }};
  }
}

}  // namespace

RandomChange random_change(const Registry& registry) {
  constexpr RandomChange (*kKinds[])(const Registry&) = {
      create_webhook,  create_webhook,  update_webhook,   create_event,     create_event,
      update_event,    connect,         create_link,      create_endpoint,  create_endpoint,
      create_endpoint, create_link,     create_link,      enable,           enable,
      disable,         change_link,     change_link,      change_endpoint,  change_endpoint,
      change_link,     change_endpoint, remove_something, change_workspace, put_secret,
      put_secret,      delete_secret,
  };
  return kKinds[below(std::size(kKinds))](registry);
}

void random_time(ManualClock& clock) {
  if (!often()) clock.advance(std::chrono::milliseconds(1000 * below(3)));
}

}  // namespace headrace::test
