import type { SubnetForecast } from "./plan.ts";

const COLOURS = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#7f7f7f"];
const WIDTH = 640;
const HEIGHT = 320;
const EDGE = { left: 44, right: 150, top: 28, bottom: 34 };

/** Use of each subnet over the months, in percent of what it can give, as an SVG document. */
export function subnetChart(subnets: readonly SubnetForecast[]): string {
  const months = Math.max(1, ...subnets.map((subnet) => subnet.use.length - 1));
  const x = (month: number) => round(EDGE.left + (month / months) * (WIDTH - EDGE.left - EDGE.right));
  const y = (share: number) => round(HEIGHT - EDGE.bottom - share * (HEIGHT - EDGE.top - EDGE.bottom));
  const grid = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<line x1="${EDGE.left}" x2="${WIDTH - EDGE.right}" y1="${y(share)}" y2="${y(share)}" stroke="#ddd"/>` +
      `<text x="${EDGE.left - 6}" y="${y(share) + 4}" text-anchor="end">${share * 100}%</text>`,
  );
  const every = Math.ceil(months / 12);
  const ticks = Array.from({ length: Math.floor(months / every) + 1 }, (_, i) => i * every).map(
    (month) => `<text x="${x(month)}" y="${HEIGHT - EDGE.bottom + 16}" text-anchor="middle">${month}</text>`,
  );
  const lines = subnets.map((subnet, i) => {
    const colour = COLOURS[i % COLOURS.length];
    const points = subnet.use.map((used, month) => `${x(month)},${y(used / subnet.usable)}`).join(" ");
    const label = `${escapeXml(subnet.id)} (${escapeXml(subnet.az)})`;
    const at = EDGE.top + 14 * (i + 1);
    return (
      `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points}"><title>${label}</title></polyline>` +
      `<text x="${WIDTH - EDGE.right + 10}" y="${at}" fill="${colour}">${label}</text>`
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${EDGE.left}" y="16" font-size="13">Addresses in use, by month</text>`,
    ...grid,
    ...ticks,
    ...lines,
    "</svg>\n",
  ].join("\n");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
}
