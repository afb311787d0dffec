/** What the SSRF part found; `failures` name what is counted in the figures, by its kind. */
export type SsrfEvidence = { figures: SsrfFigures; failures: string[] }

export type SsrfFigures = {
  /** Every class, saved, updated, tested, published and replayed. */
  inputs: number
  refusedAtSave: number
  blockedAtSend: number
  canaryPackets: number
  rebindingTries: number
  corpusPassed: number
  corpusTotal: number
  oracleAddresses: number
  oracleDisagreements: number
  neighbours: number
  falseRefusals: number
  /** With guard and wall off a packet was counted at each canary that TCP can reach at all. */
  controlReached: boolean
  secondWallPackets: number
  canaries: number
  /** Outcomes that are none of those a class may have. */
  unexpected: number
}
