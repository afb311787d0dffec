import { LinkTabs } from '#src/parts/link-tabs.tsx'
import { text } from '#src/text.ts'

const words = text.producers.tabs

/** The list, and the jobs that have changed it. */
export function ProducerTabs({ account, chosen }: { account: string; chosen: 'list' | 'jobs' }) {
  return (
    <LinkTabs
      name={words.name}
      tabs={[
        {
          label: words.list,
          isChosen: chosen === 'list',
          link: { to: '/a/$account/producers', params: { account } },
        },
        {
          label: words.jobs,
          isChosen: chosen === 'jobs',
          link: { to: '/a/$account/producers/jobs', params: { account } },
        },
      ]}
    />
  )
}
