#include "processors/fold/open_risk.h"

#include <algorithm>

namespace watchword::fold {

uint32_t open_risk(State& rows, const Id& principal) {
  uint32_t risk = 0;
  if (const auto* open = rows.find<v1::OpenAlerts>(principal))
    for (const auto& entry : open->open())
      if (const auto* alert = rows.find<v1::AlertState>(Id::from_view(entry.alert_id())))
        risk = std::max(risk, alert->risk());
  return risk;
}

}  // namespace watchword::fold
