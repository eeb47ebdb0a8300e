# shellcheck shell=sh # printed by ./jbang for eval, if a sandbox could not even try to start
export FLY_API_HOSTNAME='http://the-sandbox-did-not-start.invalid'
export FLY_GRAPHQL_URL='http://the-sandbox-did-not-start.invalid/graphql'
export FLY_EDGE_URL='http://the-sandbox-did-not-start.invalid/edge/{app}/'
export FLY_API_BASE_URL='http://the-sandbox-did-not-start.invalid'
export FLY_FLAPS_BASE_URL='http://the-sandbox-did-not-start.invalid'
export FLY_API_TOKEN='no-sandbox'
export FLY_ACCESS_TOKEN='no-sandbox'
false
