import type { Environments } from '#src/accounts/environments.ts'
import type { Environment } from '#src/accounts/principal.ts'
import type { AddressPolicy } from '#src/adapters/outgoing/outgoing.ts'

/** Which addresses endpoints may have, per environment: `https` only, unless the environment's settings say otherwise. */
export class AddressPolicies {
  readonly #environments: Environments
  readonly #base: Omit<AddressPolicy, 'httpAllowed'>
  readonly #policies = new Map<Environment, AddressPolicy>()

  constructor(environments: Environments, base: Omit<AddressPolicy, 'httpAllowed'>) {
    this.#environments = environments
    this.#base = base
  }

  /** The policy now; the same object as long as it does not change. */
  async current(environment: Environment): Promise<AddressPolicy> {
    const { httpsOnly } = await this.#environments.settings(environment)
    const known = this.#policies.get(environment)
    if (known && known.httpAllowed === !httpsOnly) return known
    const policy = { ...this.#base, httpAllowed: !httpsOnly }
    this.#policies.set(environment, policy)
    return policy
  }

  /** The policy as `current` last gave it; the strictest before that. */
  known(environment: Environment): AddressPolicy {
    return this.#policies.get(environment) ?? { ...this.#base, httpAllowed: false }
  }
}
