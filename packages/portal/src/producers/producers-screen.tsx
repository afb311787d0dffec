export { NotFoundScreen as ProducersScreen } from '#src/shell/other-screens.tsx'
