//! Charts as SVG.

use plotters::prelude::*;

use crate::{Outcome, places::repository};

/// Name and points of a line.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

const SIZE: (u32, u32) = (640, 400);
const COLOURS: [RGBColor; 4] =
    [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115), RGBColor(90, 90, 90)];

type Wrong = Box<dyn std::error::Error>;

/// Draws lines, and a dashed one as the upper bound of the first.
pub(crate) fn lines(file: &str, title: &str, axes: (&str, &str), lines: &[Line], bound: Option<&Line>) -> Outcome {
    let path = repository("bench/results").join(file);
    std::fs::create_dir_all(path.parent().ok_or("expected a file in a folder")?)?;
    let all = || lines.iter().chain(bound).flat_map(|line| line.points.iter().copied());
    let right = all().map(|(x, _)| x).fold(0.0, f64::max);
    let top = all().map(|(_, y)| y).fold(0.0, f64::max) * 1.1;
    let area = SVGBackend::new(&path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..right.max(f64::MIN_POSITIVE), 0.0..top.max(f64::MIN_POSITIVE))?;
    chart
        .configure_mesh()
        .x_desc(axes.0)
        .y_desc(axes.1)
        .x_label_formatter(&ToString::to_string)
        .light_line_style(WHITE)
        .draw()?;
    for (line, colour) in lines.iter().zip(COLOURS) {
        let style = colour.stroke_width(2);
        chart
            .draw_series(LineSeries::new(line.points.iter().copied(), style))?
            .label(&line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        chart.draw_series(line.points.iter().map(|point| Circle::new(*point, 3, colour.filled())))?;
    }
    if let Some(bound) = bound {
        let style = COLOURS[3].stroke_width(1);
        chart
            .draw_series(DashedLineSeries::new(bound.points.iter().copied(), 6, 4, style))?
            .label(&bound.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
    }
    let place = SeriesLabelPosition::UpperLeft;
    chart
        .configure_series_labels()
        .position(place)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    area.present().map_err(Wrong::from)
}

/// Draws a bar per name, and a dashed horizontal line per bound.
pub(crate) fn bars(file: &str, title: &str, unit: &str, bars: &[(String, f64)], bounds: &[(f64, &str)]) -> Outcome {
    let path = repository("bench/results").join(file);
    let top =
        bars.iter().map(|(_, value)| *value).chain(bounds.iter().map(|(bound, _)| *bound)).fold(0.0, f64::max) * 1.15;
    let area = SVGBackend::new(&path, (760, 420)).into_drawing_area();
    area.fill(&WHITE)?;
    let count = bars.len();
    #[expect(clippy::cast_precision_loss, reason = "about a dozen bars")]
    let end = count as f64;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(50)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..end.max(1.0), 0.0..top.max(f64::MIN_POSITIVE))?;
    chart.configure_mesh().disable_x_axis().disable_x_mesh().light_line_style(WHITE).y_desc(unit).draw()?;
    for ((name, value), left) in bars.iter().zip(0_u32..) {
        let left = f64::from(left);
        chart
            .draw_series([Rectangle::new([(left + 0.15, 0.0), (left + 0.85, *value)], COLOURS[0].mix(0.8).filled())])?;
        let label = ("sans-serif", 11).into_font();
        chart.draw_series([Text::new(format!("{value:.2}"), (left + 0.3, *value + top * 0.04), label.clone())])?;
        // Names are wider than bars, so that they are broken into lines.
        let (x, y) = chart.backend_coord(&(left + 0.06, 0.0));
        for (line, row) in name.replace('?', " ?").split(' ').zip(0..) {
            area.draw(&Text::new(line.to_owned(), (x, y + 6 + 13 * row), label.clone()))?;
        }
    }
    for (bound, name) in bounds {
        chart.draw_series(DashedLineSeries::new([(0.0, *bound), (end, *bound)], 6, 4, COLOURS[1].stroke_width(1)))?;
        chart.draw_series([Text::new(
            (*name).to_owned(),
            (end * 0.86, *bound + top * 0.045),
            ("sans-serif", 11).into_font(),
        )])?;
    }
    area.present().map_err(Wrong::from)
}
