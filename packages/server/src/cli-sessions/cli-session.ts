export const CLI_SESSION_ID_PREFIX = 'cli_'
/** Events of before that a session may begin with. */
export const LATEST_MAX = 100
