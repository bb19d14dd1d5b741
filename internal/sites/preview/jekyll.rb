# Keeps a Jekyll that has been loaded for builds to come. Orders come as JSON, a line each, on descriptor 3; what came
# of them goes out on 4. It runs at the end of `jekyll --version`, in whatever Ruby that runs.
at_exit do
  next unless defined?(Jekyll::Site)

  ENV.delete("RUBYOPT") # what plugins start is not kept
  require "json"
  require "stringio"
  orders, replies = IO.for_fd(3), IO.for_fd(4)
  replies.sync = true
  $stdout.reopen(File::NULL)
  Jekyll.logger.log_level = :error

  # A theme that is edited lies in a folder, whatever gem the site is published with.
  module LullTheme
    class << self
      attr_accessor :root
    end

    def root
      LullTheme.root || super
    end

    def runtime_dependencies
      super
    rescue StandardError
      []
    end

    def version
      super
    rescue StandardError
      Gem::Version.new("0")
    end
  end
  Jekyll::Theme.prepend(LullTheme)

  while (line = orders.gets)
    order = JSON.parse(line)
    begin
      LullTheme.root = order["theme"]
      heard, $stderr = $stderr, StringIO.new
      Jekyll.sites.clear
      Jekyll::Site.new(Jekyll.configuration(
        "source" => order["source"], "destination" => order["destination"], "url" => order["url"], "quiet" => true
      )).process
      answer = { "error" => "" }
    rescue Exception => e
      said = $stderr.string.lines.map(&:strip).reject(&:empty?).last(8).join("\n")
      answer = { "error" => [e.message, said].reject(&:empty?).uniq.join("\n")[0, 4000] }
    ensure
      $stderr = heard
    end
    replies.puts(answer.to_json)
  end
end
