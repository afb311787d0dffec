/** Of this release, as `package.json` says it too; seen in metrics and in the `user-agent` of every attempt. */
export const VERSION = '0.1.0'
