// SPDX-License-Identifier: Apache-2.0
// A product's use of webhooks: enabled and disabled for all envs at once.
#include "api/call.h"

namespace headrace::api {
namespace {

using core::Method;

// Requests that wait for providers at a time: each holds one of the server's threads, and the
// others must stay free for everybody else.
constexpr int kWaitsMax = 2;

// A place among those that may wait; without one, the answer says `pending`.
class WaitPlace {
 public:
  explicit WaitPlace(std::atomic<int>& taken) noexcept
      : taken_(taken), is_mine_(taken.fetch_add(1) < kWaitsMax) {}
  ~WaitPlace() { taken_.fetch_sub(1); }
  WaitPlace(const WaitPlace&) = delete;
  WaitPlace& operator=(const WaitPlace&) = delete;
  bool is_mine() const noexcept { return is_mine_; }

 private:
  std::atomic<int>& taken_;
  const bool is_mine_;
};

Reply enable(Call& call) {
  Faults faults;
  check_same(call, "product", "product", faults);
  check_same(call, "product_tag", "product", faults);
  EnableSpec spec = enable_spec(call.body, faults);
  if (!faults.empty()) return refused(std::move(faults));
  const WaitPlace place(call.services.waits_for_others);
  if (!place.is_mine()) spec.wait = std::chrono::milliseconds(0);
  return answer(call.workspace->enable(call.value("product"), spec));
}

Reply disable(Call& call) {
  Faults faults;
  check_same(call, "product", "product", faults);
  check_same(call, "product_tag", "product", faults);
  if (!faults.empty()) return refused(std::move(faults));
  return answer(call.workspace->disable(call.value("product"), disable_spec(call.body)));
}

Reply list_of_product(Call& call) {
  return listed(
      call.workspace->registrations(call.value("product"), call.text("access_tag"), call.page()));
}

Reply list_of_all(Call& call) {
  return listed(call.workspace->registrations({}, call.text("access_tag"), call.page()));
}

const Parameter kAccessTag = {"access_tag", ParameterKind::kText, "Only under this name."};

void add_lists(std::vector<Route>& to) {
  to.push_back({.method = Method::kGet,
                .path = "/v1/products/{product}/webhooks",
                .access = Access::kRead,
                .id = "listProductRegistrations",
                .tag = "Registrations",
                .summary = "List which webhooks a product uses",
                .query = {kAccessTag},
                .answers = {{200, "Registration", "A page of them."}},
                .is_list = true,
                .handler = list_of_product});
  to.push_back({.method = Method::kGet,
                .path = "/v1/webhooks",
                .access = Access::kRead,
                .id = "listRegistrations",
                .tag = "Registrations",
                .summary = "List which webhooks are used, over all products",
                .query = {kAccessTag},
                .answers = {{200, "Registration", "A page of them."}},
                .is_list = true,
                .handler = list_of_all});
}

}  // namespace

void add_registration_routes(std::vector<Route>& to) {
  to.push_back(
      {.method = Method::kPost,
       .path = "/v1/products/{product}/webhooks/enable",
       .access = Access::kWrite,
       .id = "enableWebhook",
       .tag = "Registrations",
       .summary = "Register a product for a webhook",
       .description =
           "Endpoints and links for all envs or for none; then providers are called where "
           "the webhook has a registration URL. `wait` says how long to wait for their "
           "first answers (default 10s, at most 60s); of many requests at a time only two "
           "wait, and the others are answered as pending. A repeat changes nothing that is "
           "as asked.",
       .body = "EnableSpec",
       .answers = {{200, "Registration", "As it is now."}},
       .failures = {{404, "not_found"}, {422, "malformed"}},
       .handler = enable});
  to.push_back({.method = Method::kPost,
                .path = "/v1/products/{product}/webhooks/disable",
                .access = Access::kWrite,
                .id = "disableWebhook",
                .tag = "Registrations",
                .summary = "End a product's registration",
                .description =
                    "Removes endpoints and product links; providers with an unregistration URL are "
                    "told. What is not delivered yet is given up.",
                .body = "DisableSpec",
                .answers = {{200, "Registration", "As it is now."}},
                .failures = {{404, "not_found"}},
                .handler = disable});
  add_lists(to);
}

}  // namespace headrace::api
