/** Why the demo gives up; its message is for whoever runs it. */
export class DemoFailure extends Error {}
