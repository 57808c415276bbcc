#include "api/handlers/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "processors/publisher/render.h"
#include "processors/runtime/engine.h"

namespace watchword::api {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;

struct Metrics::Impl {
  prometheus::Registry registry;
  Family<Counter>& family(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }
  Family<Gauge>& gauges(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
  }
  // Counts of elsewhere are set when they are read: the difference to what was told last.
  static void settle(Counter& counter, uint64_t now) {
    const double behind = static_cast<double>(now) - counter.Value();
    if (behind > 0) counter.Increment(behind);
  }

  Counter& issued = family("jit_tokens_issued_total", "JIT tokens issued").Add({});
  Gauge& lifetime = gauges("jit_token_lifetime_seconds", "Lifetime of the JIT token issued last").Add({});
  Counter& anomalies =
      family("behavioral_anomalies_detected_total", "Observations that raised or joined an alert").Add({});
  Family<Counter>& revoked = family("tokens_revoked_total", "Tokens revoked, by cause");
  Family<Counter>& failures =
      family("service_account_auth_failures_total", "Refused uses of machines' tokens");
  Family<Counter>& new_networks = family("service_account_new_ip_access_total", "Uses from a new network");
  Family<Counter>& new_networks_rule =
      family("service_account_new_ip_access", "The same, under the name that rules join by");
  Family<Counter>& validations =
      family("identity_auth_validation_attempt_total", "Tokens judged, by outcome");
  Counter& active = validations.Add({{"outcome", "active"}});
  Counter& inactive = validations.Add({{"outcome", "inactive"}});
  Counter& attempts = family("identity_ratelimit_attempts_total", "Calls measured against a rate")
                          .Add({{"scope", "all"}});
  Counter& exceeded =
      family("identity_ratelimit_exceeded_total", "Calls refused for their rate").Add({{"scope", "all"}});
  Counter& requests = family("watchword_http_requests_total", "Requests that reached a route").Add({});
  Counter& unauthenticated =
      family("watchword_authentication_failures_total", "Requests without a valid credential").Add({});
  Counter& lost = family("watchword_uses_lost_total", "Uses not recorded because a mailbox was full").Add({});
  Family<Counter>& frames = family("watchword_frames_total", "Frames appended");
  Family<Counter>& frame_bytes = family("watchword_frame_bytes_total", "Bytes of frames appended");
  Family<Counter>& events = family("watchword_events_total", "Events decided");
  Family<Counter>& observations = family("watchword_observations_total", "Observations taken");
  Family<Counter>& duplicates = family("watchword_duplicates_total", "Observations that had come before");
  Family<Counter>& commands = family("watchword_commands_total", "Commands decided");
  Family<Counter>& refused = family("watchword_commands_refused_total", "Commands refused");
  Family<Counter>& checkpoints = family("watchword_checkpoints_total", "Checkpoints written");
  Family<Counter>& turn_us = family("watchword_turn_microseconds_total", "Time spent in turns");
  Family<Gauge>& turn_max = gauges("watchword_turn_microseconds_max", "Longest turn so far");
  Family<Gauge>& seq = gauges("watchword_position_seq", "Last durable frame");
  Family<Gauge>& hot = gauges("watchword_rows_in_memory_bytes", "Rows in memory");
  Family<Gauge>& journal = gauges("watchword_journal_bytes", "Journal on disk");
  Family<Gauge>& age = gauges("watchword_checkpoint_age_seconds", "Since the last checkpoint");
  Family<Gauge>& serving = gauges("watchword_serving", "1 while the partition serves");
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::jit_token_issued(int64_t lifetime_s) {
  impl_->issued.Increment();
  impl_->lifetime.Set(static_cast<double>(lifetime_s));
}

void Metrics::token_revoked(std::string_view cause) {
  impl_->revoked.Add({{"cause", std::string(cause)}}).Increment();
}

namespace {

// Of what is no person: these series are there from the start, since rules join them.
constexpr v1::IdentityKind kMachines[] = {v1::SERVICE_ACCOUNT, v1::AI_AGENT, v1::API_KEY};

uint64_t new_networks(runtime::Engine& engine, size_t kind) {
  uint64_t sum = 0;
  for (uint32_t number = 0; number < engine.partitions(); ++number)
    if (const auto& task = engine.partition(number).task) sum += task->counters().new_networks[kind];
  return sum;
}

}  // namespace

std::string Metrics::expose(runtime::Engine& engine) {
  Impl& all = *impl_;
  Impl::settle(all.active, introspections_active);
  Impl::settle(all.inactive, introspections_inactive);
  Impl::settle(all.attempts, rate_checked);
  Impl::settle(all.exceeded, rate_exceeded);
  Impl::settle(all.requests, requests);
  Impl::settle(all.unauthenticated, authentication_failures);
  Impl::settle(all.lost, uses_lost);
  for (const auto kind : kMachines) {
    const prometheus::Labels label{{"identity_type", std::string(publisher::name_of(kind))}};
    Impl::settle(all.failures.Add(label), refused_uses[kind]);
    Impl::settle(all.new_networks.Add(label), new_networks(engine, kind));
    Impl::settle(all.new_networks_rule.Add(label), new_networks(engine, kind));
  }
  uint64_t anomalies = 0;
  for (uint32_t number = 0; number < engine.partitions(); ++number) {
    auto& partition = engine.partition(number);
    if (!partition.task) continue;
    const auto& counters = partition.task->counters();
    const prometheus::Labels label{{"partition", std::to_string(number)}};
    Impl::settle(all.frames.Add(label), counters.frames);
    Impl::settle(all.frame_bytes.Add(label), counters.bytes);
    Impl::settle(all.events.Add(label), counters.events);
    Impl::settle(all.observations.Add(label), counters.observations);
    Impl::settle(all.duplicates.Add(label), counters.duplicates);
    Impl::settle(all.commands.Add(label), counters.commands);
    Impl::settle(all.refused.Add(label), counters.refused);
    Impl::settle(all.checkpoints.Add(label), counters.checkpoints);
    Impl::settle(all.turn_us.Add(label), counters.turn_us_sum);
    all.turn_max.Add(label).Set(static_cast<double>(counters.turn_us_max));
    all.seq.Add(label).Set(static_cast<double>(partition.durable_seq));
    all.journal.Add(label).Set(static_cast<double>(partition.journal->size_bytes()));
    all.hot.Add(label).Set(static_cast<double>(counters.rows_bytes));
    all.age.Add(label).Set(static_cast<double>(partition.task->checkpoint_age_us()) / 1e6);
    all.serving.Add(label).Set(partition.task->not_serving().empty() ? 1 : 0);
    anomalies += counters.alerts;
  }
  Impl::settle(all.anomalies, anomalies);
  return prometheus::TextSerializer().Serialize(all.registry.Collect());
}

}  // namespace watchword::api
