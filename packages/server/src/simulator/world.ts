import type { ProducerReport } from '../updates/feed/feed.ts'

/** What makes a feed's data what it is: with an NPN and a day it gives a producer, whoever asks, whenever. */
export type World = {
  seed: string
  /** The share of producers that change on a business day, from 0 to 1. */
  changeShare: number
  /** Appointments of a producer, on average; the other rows are about 16. */
  appointmentsAverage: number
}

/** A producer as the simulator means it: what its detail report must be read as. Warnings are the reader's. */
export type Producer = Omit<ProducerReport, 'warnings'>
