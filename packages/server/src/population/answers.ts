import { type Job, type JobCounts, processedOf } from './job.ts'
import type { Subscription } from './store.ts'

// The bodies of producersync-api 6. HAL keys have no underscores here, and hrefs are absolute.

export function subscriptionsUrl(publicUrl: string): string {
  return `${publicUrl}/v1/accounts/subscriptions`
}

export function jobUrl(publicUrl: string, jobId: string): string {
  return `${subscriptionsUrl(publicUrl)}/status/${jobId}`
}

export function acceptedAnswer(publicUrl: string, jobId: string): object {
  return {
    success: true,
    message: 'Job is in progress',
    job_id: jobId,
    links: { self: { href: subscriptionsUrl(publicUrl) }, status: { href: jobUrl(publicUrl, jobId) } },
  }
}

export function jobAnswer(publicUrl: string, job: Job): object {
  const href = jobUrl(publicUrl, job.id)
  return {
    id: job.id,
    type: job.type,
    state: job.state,
    createdAt: job.createdOn,
    updatedAt: job.updatedOn,
    details: {
      requested: job.requested,
      distinct: job.distinct,
      processed: processedOf(job.counts),
      ...countsAnswer(job.counts),
      message: job.message,
      acceptedAt: job.acceptedAt.toISOString(),
      startedAt: job.startedAt?.toISOString() ?? null,
      finishedAt: job.finishedAt?.toISOString() ?? null,
    },
    links: { self: { href }, details: { href: `${href}/details` } },
  }
}

function countsAnswer({ added, already_active, removed, not_active, invalid }: JobCounts): object {
  return { added, alreadyActive: already_active, removed, notActive: not_active, invalid }
}

export function subscriptionAnswer(publicUrl: string, subscription: Subscription): object {
  const { npn, activatedAt, source, dataStatus } = subscription
  const links = { entity: { href: `${publicUrl}/v2/entities/${npn}` } }
  return { npn, activatedAt: activatedAt.toISOString(), source, dataStatus, links }
}
