import { LinkTabs } from '#src/parts/link-tabs.tsx'
import { producerText } from '#src/text-producers.ts'

const words = producerText.producers.tabs

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
