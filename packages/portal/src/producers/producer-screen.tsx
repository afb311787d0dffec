export { NotFoundScreen as ProducerScreen } from '#src/shell/other-screens.tsx'
