/** Stands for your queue, or your table of work to do. */
export const queue = {
  jobs: [] as [string, object][],
  add: async (name: string, job: object) => {
    queue.jobs.push([name, job])
  },
}
