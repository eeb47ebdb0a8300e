export ORG='no-sandbox';
export FLY_API_TOKEN='no-sandbox';
export FLY_ACCESS_TOKEN='no-sandbox';
export FLY_API_HOSTNAME='http://the-sandbox-did-not-start.invalid';
export FLY_API_BASE_URL='http://the-sandbox-did-not-start.invalid';
export FLY_FLAPS_BASE_URL='http://the-sandbox-did-not-start.invalid';
export FLY_UIEX_BASE_URL='http://the-sandbox-did-not-start.invalid';
export FLY_METRICS_BASE_URL='http://the-sandbox-did-not-start.invalid';
export FLY_SYNTHETICS_BASE_URL='http://the-sandbox-did-not-start.invalid';
export FLY_TRACE_COLLECTOR_URL='http://the-sandbox-did-not-start.invalid';
export FLY_STATUSPAGE_UNRESOLVED_INCIDENTS_URL='http://the-sandbox-did-not-start.invalid';
export FLY_EDGE_URL='http://the-sandbox-did-not-start.invalid/edge/{app}/';
false
